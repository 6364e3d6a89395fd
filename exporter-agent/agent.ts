import type { Collector, CollectorName, Tick } from './collect/collector.ts';
import { runCollectors, type Point } from './collect/run.ts';
import type { Clock } from './clock.ts';
import { messageOf, type Logger } from './log.ts';
import { phaseMs, untilNextTick } from './schedule.ts';
import type { Encoder } from './send/encode.ts';
import type { Sender } from './send/sender.ts';

/**
 *        every interval, at the host's own phase                          every 30 s
 *   ┌─────────┐  points  ┌─────────┐  body  ┌────────┐               ┌───────────┐
 *   │ collect │ ───────▶ │ encode  │ ─────▶ │  send  │ ──▶ server ◀─ │ heartbeat │
 *   └─────────┘          │ + snappy│        └───┬────┘               └─────┬─────┘
 *   run.ts               └─────────┘       fails│  ▲ drain                │ interval
 *                                           ┌───▼──┴─┐                    ▼
 *                                           │ buffer │                 the next tick
 *                                           └────────┘
 * A tick never waits: not for a mount, not for the server, not for the tick before it.
 */
export interface AgentDeps {
  hostId: string;
  bootId: string;
  /** Read before each tick, like the interval. */
  collectors: () => readonly Collector[];
  encoder: Encoder;
  sender: Sender;
  /** Whether node_exporter's names are told too. */
  nodeNames: () => boolean;
  /** Read before each tick, so that a pushed configuration applies to the next one. */
  intervalMs: () => number;
  /** Sees the points of each tick. */
  onTick?: (points: readonly Point[]) => void;
  /** One sign of life; never rejects. */
  beat: () => Promise<void>;
  /** Breaks what is still out, so that it ends in the buffer. */
  disconnect: () => void;
  clock: Clock;
  log: Logger;
}

export interface Agent {
  /** Until the signal aborts; then sends stale markers and keeps in the buffer what could not be sent. */
  run(signal: AbortSignal): Promise<void>;
}

const heartbeatMs = 30_000;
const lastPostMs = 2_500;

export function createAgent(deps: AgentDeps): Agent {
  const { clock, encoder, sender } = deps;
  const out = new Set<Promise<void>>();
  const failing = createFailureLog(deps.log);

  function offer(bodies: readonly Uint8Array[], timestampMs: number): Promise<void> {
    const offered = sender.offer(bodies, timestampMs).finally(() => {
      out.delete(offered);
    });
    out.add(offered);
    return offered;
  }

  function tick(): void {
    const now: Tick = {
      wallMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      intervalMs: deps.intervalMs(),
      bootId: deps.bootId,
    };
    failing.begin();
    const points = runCollectors(deps.collectors(), now, {
      monotonicMs: () => clock.monotonicMs(),
      onFailure: (name, error) => failing.failed(name, error),
      nodeNames: deps.nodeNames(),
    });
    deps.onTick?.(points);
    void offer(encoder.encode(points, now.wallMs), now.wallMs);
  }

  async function tickLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      tick();
      const intervalMs = deps.intervalMs();
      const phase = phaseMs(deps.hostId, intervalMs);
      await clock.sleep(untilNextTick(clock.nowMs(), intervalMs, phase), signal);
    }
  }

  async function finish(): Promise<void> {
    const stopped = sender.stop();
    await within(clock, lastPostMs, Promise.allSettled([...out, stopped]));
    const nowMs = clock.nowMs();
    const end = encoder.encodeEnd(nowMs);
    if (end.length > 0) await within(clock, lastPostMs, offer(end, nowMs));
    deps.disconnect();
    await Promise.allSettled([...out, stopped]);
  }

  return {
    async run(signal) {
      const beating = keepBeating(deps, signal);
      await tickLoop(signal);
      await finish();
      await beating;
    },
  };
}

async function keepBeating({ beat, clock, intervalMs }: AgentDeps, signal: AbortSignal) {
  await beat();
  // The second one early: only now is there something to tell of load and processes.
  await clock.sleep(Math.min(heartbeatMs, 2 * intervalMs() + 1_000), signal);
  while (!signal.aborted) {
    await beat();
    await clock.sleep(heartbeatMs, signal);
  }
}

/** Waits for the work, or until the time is over; leaves no timer behind that would hold the process. */
async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, clock.sleep(ms, timer.signal)]);
  timer.abort();
}

/** One line when a collector begins to fail and one when it works again, not one a tick. */
function createFailureLog(log: Logger) {
  let before = new Set<CollectorName>();
  let now = new Set<CollectorName>();
  return {
    begin(): void {
      for (const name of before) {
        if (!now.has(name)) log.info('collector works again', { collector: name });
      }
      before = now;
      now = new Set<CollectorName>();
    },
    failed(name: CollectorName, error: unknown): void {
      if (!before.has(name)) {
        log.warn('collector fails', { collector: name, error: messageOf(error) });
      }
      now.add(name);
    },
  };
}
