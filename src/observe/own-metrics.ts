import {
  messageOf,
  sleep,
  type Clock,
  type Logger,
  type MeterFamily,
  type Meters,
} from '../platform/index.ts';
import {
  requestsOf,
  seriesOf,
  type OwnRequest,
  type OwnSeries,
  type Target,
} from './own-series.ts';

/** False where it was not taken; the samples are then lost. */
export type WriteOwn = (request: OwnRequest) => Promise<boolean>;

/** Help and type of metrics, for whoever asks what a name means. */
export type DescribeMetrics = (
  families: readonly Pick<MeterFamily, 'name' | 'help' | 'type'>[],
) => Promise<void>;

interface Deps {
  meters: Meters;
  target: Target;
  /** Of the product and of Node, for `gaugeway_build_info`. */
  versions: { version: string; node: string };
  intervalMs: number;
  write: WriteOwn;
  describe: DescribeMetrics;
  clock: Clock;
  log: Logger;
}

export interface OwnMetrics {
  start(): void;
  /** Ends the series in storage, so that a process that is gone does not look alive for five minutes. */
  stop(): Promise<void>;
}

/** Writes what this process measures of itself, now and at each interval. A write that fails is counted, and no more. */
export function createOwnMetrics(deps: Deps): OwnMetrics {
  const { meters, target, intervalMs, clock, log } = deps;
  const stopping = new AbortController();
  const described = new Set<string>();
  let before: OwnSeries = new Map();
  let loop: Promise<void> = Promise.resolve();
  let isFailing = false;
  const count = registerMeters(deps);

  async function send(now: OwnSeries): Promise<void> {
    const requests = requestsOf(now, before, clock.nowMs());
    before = now;
    for (const request of requests) {
      const isWritten = await deps.write(request);
      count(isWritten ? 'written' : 'failed', request.samples);
      if (isWritten === !isFailing) continue;
      isFailing = !isWritten;
      if (isFailing) log.warn('own metrics not stored');
      else log.info('own metrics are stored again');
    }
  }

  async function describe(families: readonly MeterFamily[]): Promise<void> {
    const unknown = families.filter(({ name }) => !described.has(name));
    if (unknown.length === 0) return;
    await deps.describe(unknown);
    for (const { name } of unknown) described.add(name);
  }

  async function tick(): Promise<void> {
    try {
      const families = await meters.families();
      await send(seriesOf(families, target));
      await describe(families);
    } catch (error) {
      log.debug('own metrics: a turn failed', { error: messageOf(error) });
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const startedMs = clock.monotonicMs();
      await tick();
      const tookMs = clock.monotonicMs() - startedMs;
      await sleep(Math.max(0, intervalMs - tookMs), stopping.signal);
    }
  }

  return {
    start() {
      loop = run();
    },
    async stop() {
      stopping.abort();
      await loop;
      await send(new Map());
    },
  };
}

function registerMeters({ meters, versions }: Deps) {
  meters
    .gauge({
      name: 'gaugeway_build_info',
      help: '1, with the version of Gaugeway and of Node.',
      labelNames: ['version', 'node'],
    })
    .set(versions, 1);
  const samples = meters.counter({
    name: 'gaugeway_observe_samples_total',
    help: "Samples of the process's own metrics, by whether storage got them.",
    labelNames: ['outcome'],
  });
  const count = (outcome: 'written' | 'failed', by: number) => samples.inc({ outcome }, by);
  count('written', 0);
  count('failed', 0);
  return count;
}
