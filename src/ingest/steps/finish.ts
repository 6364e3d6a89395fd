import { readMetadata, seriesFlag, WireError } from '../../wire/index.ts';
import type { IngestOutcome } from '../outcome.ts';
import type { Tools, Work } from '../work.ts';
import { invalid } from './decode.ts';

const maxMetadataPerRequest = 10_000;

/** Metric metadata goes to Postgres; VictoriaMetrics forgets it. */
export function keepMetadata(work: Work, tools: Tools): IngestOutcome | undefined {
  if ((tools.kernel.totals.flags & seriesFlag.metadata) === 0) return undefined;
  try {
    const entries = readMetadata(tools.kernel.decodedBytes(), maxMetadataPerRequest);
    const { tenantId, keyName: sender } = work.sender;
    for (const entry of entries) {
      if (tools.metadata.keep(tenantId, entry)) continue;
      // Metadata is no sample: what is not kept of it is listed, and does not fail the request.
      const series = entry.metric.slice(0, 300);
      tools.ledger.note({ tenantId, reason: 'metadata_invalid', series, sender, samples: 0 });
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return invalid('undecodable', `metadata: ${error.message}`);
  }
}

/** The body to forward: as it was posted when every series passes, else what was accepted of it. */
export function compose(work: Work, tools: Tools): undefined {
  if (work.written.samples + work.written.histograms === 0) return;
  if (!work.mustRebuild && work.payload.kind === 'posted') {
    work.body = work.payload.chunks;
    work.bodyBytes = work.payload.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return;
  }
  const body = tools.kernel.rebuild([...work.scope.rules.reserved], work.extra?.view());
  work.body = [body];
  work.bodyBytes = body.length;
}
