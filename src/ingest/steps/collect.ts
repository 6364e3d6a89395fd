import {
  seriesFlag,
  staleMarkerBytes,
  toClassicSeries,
  verdict,
  writeLabels,
  writeSample,
  type Exemplar,
  type HistogramFault,
  type Label,
  type NativeHistogram,
  type SeriesContent,
} from '../../wire/index.ts';
import { addRefused, type Reason, type RefusedCounts } from '../judge/reason.ts';
import { maxExemplarLabelLength } from '../keep/exemplars.ts';
import type { Tools, Work } from '../work.ts';
import {
  acceptedLabels,
  admitAnew,
  contentOf,
  refuse,
  sizeOf,
  type AcceptedLabels,
} from './rewrite.ts';

/** Histograms and exemplars of one request; two bytes are enough for an empty one, and each costs microseconds. */
const maxPerRequest = 50_000;

/**
 * Native histograms become the classic series that VictoriaMetrics can store, exemplars go to their own store.
 * A series with neither of them and no sample is refused only where the protocol demands one (2.0).
 */
export function collect(work: Work, tools: Tools): undefined {
  const { kernel } = tools;
  const special =
    seriesFlag.histograms | seriesFlag.exemplars | (isOfVersion2(work) ? seriesFlag.noSamples : 0);
  if ((kernel.totals.flags & special) === 0) return;
  let seen = 0;
  for (let index = 0; index < kernel.totals.series; index += 1) {
    if ((kernel.flagsOf(index) & special) === 0) continue;
    const content = seen > maxPerRequest ? ('too_large' as const) : contentOf(index, tools);
    if (typeof content === 'string') {
      work.received += 1;
      refuse(work, tools, content, { labels: [], count: 1 });
      continue;
    }
    seen += content.histograms.length + content.exemplars.length;
    collectSeries(index, content, work, tools);
  }
}

const isOfVersion2 = ({ payload }: Work): boolean =>
  payload.kind === 'posted' && payload.version === 2;

function collectSeries(index: number, content: SeriesContent, work: Work, tools: Tools): void {
  const { histograms, exemplars } = content;
  const count = { samples: 0, histograms: histograms.length, exemplars: exemplars.length };
  work.received += histograms.length + exemplars.length;
  const accepted = acceptedLabels(content.labels, work);
  if (typeof accepted === 'string') {
    refuse(work, tools, accepted, { labels: content.labels, count });
    return;
  }
  const { labels } = accepted;
  if (tools.kernel.verdictOf(index) >= verdict.firstReason) {
    // The labels are good, so it was the tenant's budget that kept the series out.
    refuse(work, tools, 'series_budget', { labels, count });
    return;
  }
  const refused = takeContent(content, accepted, work, tools);
  for (const [reason, many] of refused) refuse(work, tools, reason, { labels, count: many });
}

function takeContent(
  { histograms, exemplars, samples }: SeriesContent,
  accepted: AcceptedLabels,
  work: Work,
  tools: Tools,
): RefusedCounts {
  const isVersion2 = isOfVersion2(work);
  const refused: RefusedCounts = new Map();
  const isMixed = isVersion2 && samples.length > 0 && histograms.length > 0;
  // Remote write 2.0: a series has samples or histograms, one of them and not both.
  if (isMixed) addRefused(refused, 'mixed_samples_histograms', histograms.length);
  if (isVersion2 && samples.length === 0 && histograms.length === 0) {
    work.received += 1;
    addRefused(refused, 'no_samples', 1);
  }
  for (const histogram of isMixed ? [] : histograms) {
    const fault = takeHistogram(histogram, accepted, work, tools);
    if (fault) addRefused(refused, fault, 1);
  }
  for (const exemplar of exemplars) {
    const fault = takeExemplar(exemplar, accepted.labels, work, tools);
    if (fault) addRefused(refused, fault, 1);
  }
  return refused;
}

function outside(work: Work, timestampMs: number): Reason | undefined {
  if (work.isInWindow(timestampMs)) return undefined;
  return timestampMs < work.minTimestampMs ? 'too_old' : 'too_new';
}

function takeHistogram(
  histogram: NativeHistogram | HistogramFault,
  { labels, observed }: AcceptedLabels,
  work: Work,
  tools: Tools,
): Reason | undefined {
  if (typeof histogram === 'string') return histogram;
  const late = outside(work, histogram.timestampMs);
  if (late) return late;
  const parts = toClassicSeries(histogram);
  if (!work.hasRoom(parts.length * sizeOf(labels))) return 'too_large';
  const series = parts.map((part) => withSuffix(labels, part.suffix, part.label));
  if (!admitAnew(series, observed, work, tools)) return 'series_budget';
  work.written.histograms += 1;
  if (observed) work.observed += 1;
  const writer = work.extraWriter();
  for (const [i, part] of parts.entries()) {
    writer.message(0x0a, () => {
      writeLabels(writer, series[i] ?? labels);
      writeSample(writer, histogram.isStale ? staleMarkerBytes : part.value, histogram.timestampMs);
    });
  }
  return undefined;
}

function withSuffix(labels: readonly Label[], suffix: string, extra: Label | undefined): Label[] {
  const named = labels.map(([name, value]): Label =>
    name === '__name__' ? [name, value + suffix] : [name, value],
  );
  if (!extra) return named;
  const kept = named.filter(([name]) => name !== extra[0]);
  const at = kept.findIndex(([name]) => name > extra[0]);
  kept.splice(at === -1 ? kept.length : at, 0, extra);
  return kept;
}

function takeExemplar(
  exemplar: Exemplar,
  labels: readonly Label[],
  work: Work,
  tools: Tools,
): Reason | undefined {
  const fault = exemplarFault(exemplar) ?? outside(work, exemplar.timestampMs);
  if (fault) return fault;
  const { tenantId } = work.sender;
  const isKept = tools.exemplars.add({ tenantId, seriesLabels: labels, exemplar });
  if (!isKept) return 'exemplar_store_full';
  work.written.exemplars += 1;
  return undefined;
}

function exemplarFault(exemplar: Exemplar): Reason | undefined {
  if (exemplar.timestampMs === 0) return 'exemplar_invalid';
  const length = exemplar.labels.reduce(
    (sum, [name, value]) => sum + name.length + value.length,
    0,
  );
  return length > maxExemplarLabelLength ? 'exemplar_labels_too_long' : undefined;
}
