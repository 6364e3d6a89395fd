const everyMs = 60_000;

/**
 * V8 collects old garbage when its limit comes near, and a process as quiet as this one comes near it after hours: until
 * then its memory climbs by a tenth (docs/bench.md, "A day of ticks"). A collection takes some 15 ms, so once a minute is
 * 0.03 % of a core. Needs `--expose-gc`; without it nothing happens here.
 */
export function collectGarbageEachMinute(): { stop(): void } {
  const collect = (globalThis as { gc?: () => void }).gc;
  const timer = collect && setInterval(collect, everyMs).unref();
  return { stop: () => clearInterval(timer) };
}
