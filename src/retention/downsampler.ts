import { messageOf } from '../platform/index.ts';
import { waitingOf } from './plan.ts';
import type { Mark } from './ports.ts';
import { sliceMs } from './tiers.ts';
import { loadMarks, Round, type RoundDeps } from './round.ts';

export interface DownsamplerDeps extends RoundDeps {
  /** How often it looks for what is due, milliseconds. */
  everyMs: number;
  /** How often the right to work is renewed, milliseconds. */
  renewMs: number;
}

export interface Downsampler {
  start(): void;
  /** Leaves the slice that it is at; another worker goes on from the marks. */
  stop(): Promise<void>;
}

/** Aggregates what is due, an hour of a tenant after the other, as one of all workers. */
export function createDownsampler(deps: DownsamplerDeps): Downsampler {
  const { store, log, everyMs } = deps;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> = Promise.resolve();

  async function work(): Promise<void> {
    try {
      if (await store.hold()) await asHolder(deps, stopping.signal);
      else await tellState(deps, await store.marks());
    } catch (error) {
      log.warn('not downsampled, will be tried again', { error: messageOf(error) });
    }
  }

  function next(waitMs: number): void {
    timer = setTimeout(() => {
      working = work().finally(() => {
        if (!stopping.signal.aborted) next(everyMs);
      });
    }, waitMs).unref();
  }

  return {
    start: () => next(0),
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await working;
      await store.release();
    },
  };
}

/** One round; it ends where the right to work is lost. */
async function asHolder(deps: DownsamplerDeps, stopping: AbortSignal): Promise<void> {
  const { store, renewMs } = deps;
  const lost = new AbortController();
  const renewal = setInterval(() => {
    const renewed = Promise.all([store.hold(), store.marks()]).then(async ([isHeld, marks]) => {
      if (!isHeld) lost.abort();
      await tellState(deps, marks);
    });
    // Postgres may be away for a moment: the fence around each change decides, not this.
    renewed.catch(() => undefined);
  }, renewMs).unref();
  try {
    await tellState(deps, await loadMarks(deps));
    await new Round(deps).run(AbortSignal.any([stopping, lost.signal]));
    await store.forget(deps.clock.nowMs() - deps.rawRetentionMs - sliceMs);
    await tellState(deps, await store.marks());
  } finally {
    clearInterval(renewal);
  }
}

async function tellState(deps: DownsamplerDeps, marks: readonly Mark[]): Promise<void> {
  const { clock, closedAfterMs, meters, rawRetentionMs, store, tiers } = deps;
  const nowMs = clock.nowMs();
  const plan = {
    ...{ marks, asked: await store.asked(10_000), usable: new Set(tiers.keys()) },
    isClosed: (tenantId: string, endMs: number) => nowMs >= endMs + closedAfterMs(tenantId),
  };
  for (const tier of tiers.keys()) {
    const ends = marks.filter((mark) => mark.tier === tier).map(({ doneUntilMs }) => doneUntilMs);
    if (ends.length === 0) continue;
    const lag = (nowMs - Math.min(...ends)) / 1_000;
    meters.state(tier, {
      lag,
      rawLeft: rawRetentionMs / 1_000 - lag,
      waiting: waitingOf(tier, plan),
    });
  }
}
