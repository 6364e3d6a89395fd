const unitMs: Readonly<Record<string, number>> = {
  y: 31_536_000_000,
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

const wholeDuration =
  /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** int64 nanoseconds, in milliseconds. */
const longestMs = 9_223_372_036_854;

/** Milliseconds of `1h30m`, `5m`, `0`: units fall, each at most once (prometheus/common model.ParseDuration). */
export function parsePromDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const parts = text === '' ? null : wholeDuration.exec(text);
  if (!parts) return undefined;
  const total = Object.values(unitMs).reduce(
    (sum, ms, i) => sum + ms * Number(parts[i + 1] ?? 0),
    0,
  );
  return total > longestMs ? undefined : total;
}
