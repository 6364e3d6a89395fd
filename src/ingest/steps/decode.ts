import { seriesFlag, toVersion1, translationTooLarge, WireError } from '../../wire/index.ts';
import { minuteOf } from '../judge/active-series.ts';
import type { Reason } from '../judge/reason.ts';
import type { IngestOutcome } from '../outcome.ts';
import type { Tools, Work } from '../work.ts';

/** Recognises an exact repeat before anything is decoded. */
export function recognise(
  work: Work,
  tools: Tools,
): IngestOutcome | Promise<IngestOutcome> | undefined {
  if (work.payload.kind !== 'posted') return undefined;
  tools.kernel.load(work.payload.chunks);
  // The same bytes under the other version are another request: a sender may correct its Content-Type.
  work.digest = tools.kernel.bodyDigest(2 * work.scope.id + work.payload.version - 1);
  return tools.repeats.find(work.digest);
}

/** Snappy, then translation to 1.0 where needed; the declared length is judged before anything is allocated. */
export function decode(work: Work, tools: Tools): IngestOutcome | undefined {
  const { kernel } = tools;
  if (work.payload.kind === 'decoded') {
    work.mustRebuild = true;
    return loaded(kernel.loadDecoded(work.payload.bytes));
  }
  const outcome = loaded(kernel.decompress());
  if (outcome || work.payload.version === 1) return outcome;
  work.mustRebuild = true;
  try {
    // The translation is a copy: the kernel's view of the 2.0 body is overwritten by it.
    const { maxSeries, maxDecodedBytes: maxBytes } = tools;
    const limits = { maxSymbols: 40 * maxSeries, maxSeries, maxBytes };
    return loaded(kernel.loadDecoded(toVersion1(kernel.decodedBytes(), limits)));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (error.message === translationTooLarge) return loaded('too_large');
    return error.message === 'too many series'
      ? invalid('too_many_series', seriesMessage(tools))
      : invalid('undecodable', `remote write 2.0 request: ${error.message}`);
  }
}

/** One pass over the request: structure, timestamps, series that are known already. */
export function scan(work: Work, tools: Tools): IngestOutcome | undefined {
  const found = tools.kernel.scan({
    scope: work.scope.id,
    minute: minuteOf(work.nowMs),
    minTimestampMs: work.minTimestampMs,
    maxTimestampMs: work.maxTimestampMs,
    maxLabels: tools.maxLabels,
  });
  if (found === 'malformed') return invalid('undecodable', 'the body is not a WriteRequest');
  if (found === 'too_many_series') return invalid('too_many_series', seriesMessage(tools));
  const { series, flags } = tools.kernel.totals;
  if (series === 0 && (flags & seriesFlag.unusual) !== 0) {
    return invalid('undecodable', 'no series in it, but unknown fields: is it remote write 2.0?');
  }
  return undefined;
}

function loaded(outcome: 'ok' | 'corrupt' | 'too_large'): IngestOutcome | undefined {
  if (outcome === 'ok') return undefined;
  return outcome === 'too_large'
    ? invalid('too_large', 'the decoded body exceeds ingest.max_decoded_bytes')
    : invalid('undecodable', 'the body is not a snappy block');
}

const seriesMessage = (tools: Tools) =>
  `more than ${String(tools.maxSeries)} series in one request (ingest.max_series_per_request)`;

export function invalid(reason: Reason, message: string): IngestOutcome {
  return { kind: 'invalid', reason, message };
}
