import { readLabels, readSeries, seriesFlag, WireError } from '../../wire/index.ts';
import type { IngestOutcome } from '../outcome.ts';
import type { Tools, Work } from '../work.ts';

/**
 * Takes the samples of one replica of an HA pair only. As in Mimir, the first series speaks for the request.
 * A promise means: Postgres is being asked who leads; run the steps again when it settles.
 */
export function elect(work: Work, tools: Tools): IngestOutcome | Promise<unknown> | undefined {
  const { kernel, haOptions } = tools;
  // A series with a replica label never simply passes, so a request that passes whole has none.
  if (kernel.totals.series === 0 || kernel.totals.notPassed + kernel.totals.unknown === 0) {
    return undefined;
  }
  const pair = pairOf(kernel.labelBytes(0), haOptions.clusterLabel, haOptions.replicaLabel);
  if (!pair) return undefined;
  const decision = tools.ha.decide(work.sender.tenantId, pair.cluster, pair.replica);
  if (decision === 'take') return undefined;
  if (decision !== 'leave') return decision;
  countEverything(work, tools);
  tools.meters.tenant(work.sender.tenantId).haLeft += work.received;
  return { kind: 'accepted', written: work.written, note: 'ha_loser' };
}

/** Enough to find the pair in; a request may carry a million labels. */
const maxPairLabels = 64;

function pairOf(
  bytes: Buffer,
  clusterLabel: string,
  replicaLabel: string,
): { cluster: string; replica: string } | undefined {
  try {
    const labels = new Map(readLabels(bytes, maxPairLabels));
    const cluster = labels.get(clusterLabel);
    const replica = labels.get(replicaLabel);
    return cluster && replica ? { cluster, replica } : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function countEverything(work: Work, tools: Tools): void {
  const { kernel } = tools;
  const { written } = work;
  written.samples = kernel.totals.samples;
  const special = seriesFlag.histograms | seriesFlag.exemplars;
  for (let i = 0; i < kernel.totals.series; i += 1) {
    if ((kernel.flagsOf(i) & special) === 0) continue;
    try {
      const content = readSeries(kernel.seriesBytes(i));
      written.histograms += content.histograms.length;
      written.exemplars += content.exemplars.length;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  work.received = written.samples + written.histograms + written.exemplars;
}

/** The tenant's samples per second; what does not fit is refused whole, so that the sender can come again. */
export function spend(work: Work, tools: Tools): IngestOutcome | undefined {
  const wait = tools.rate.take(work.sender.tenantId, tools.kernel.totals.samples);
  if (wait === 0) return undefined;
  return {
    kind: 'over_budget',
    reason: 'rate_budget',
    written: work.written,
    retryAfterSeconds: wait,
    message: `tenant ${work.sender.tenantId} is over its budget of ${String(
      tools.policyOf(work.sender.tenantId).samplesPerSecond,
    )} samples/s`,
  };
}
