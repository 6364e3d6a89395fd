import {
  readSeries,
  seriesFlag,
  toClassicSeries,
  verdict,
  WireError,
  writeLabels,
  writeSample,
  staleMarkerBytes,
  type Exemplar,
  type HistogramFault,
  type Label,
  type NativeHistogram,
  type SeriesContent,
} from '../../wire/index.ts';
import { judgeLabels } from '../judge/judge.ts';
import { maxExemplarLabelLength } from '../keep/exemplars.ts';
import type { Reason } from '../judge/reason.ts';
import { seriesText } from '../judge/series-text.ts';
import type { Tools, Work } from '../work.ts';

function refuseIn(work: Work, tools: Tools) {
  return (reason: Reason, labels: readonly Label[], count = 1): void => {
    const series = seriesText(labels);
    const { tenantId, keyName: sender } = work.sender;
    work.refuse(reason, count, series);
    tools.ledger.note({ tenantId, reason, series, sender, samples: count });
  };
}

function contentOf(index: number, work: Work, tools: Tools): SeriesContent | undefined {
  try {
    return readSeries(tools.kernel.seriesBytes(index));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    refuseIn(work, tools)(
      error.message.includes('UTF-8') ? 'invalid_utf8' : 'invalid_label',
      [],
      1,
    );
    work.received += 1;
    return undefined;
  }
}

function acceptedLabels(content: SeriesContent, work: Work): Label[] | Reason {
  const judgement = judgeLabels(content.labels, work.scope.rules);
  if (judgement.kind === 'refused') return judgement.reason;
  if (judgement.kind === 'rewrite') return judgement.labels;
  return content.labels.filter(([name]) => !work.scope.rules.reserved.has(name));
}

/** Writes a series anew: other labels than it came with, or fields in an order that cannot be copied. */
export function rewriteSeries(
  index: number,
  work: Work,
  tools: Tools,
  options: { isUnusual?: boolean } = {},
): void {
  const content = contentOf(index, work, tools);
  if (!content) return;
  const isUnusual = options.isUnusual ?? false;
  if (isUnusual) work.received += content.samples.length;
  const labels = acceptedLabels(content, work);
  if (typeof labels === 'string') {
    refuseIn(work, tools)(labels, content.labels, content.samples.length);
    return;
  }
  const inWindow = content.samples.filter((sample) => work.isInWindow(sample.timestampMs));
  if (isUnusual) {
    const late = content.samples.filter(
      (sample) => sample.timestampMs < work.minTimestampMs,
    ).length;
    const early = content.samples.length - inWindow.length - late;
    if (late > 0) refuseIn(work, tools)('too_old', labels, late);
    if (early > 0) refuseIn(work, tools)('too_new', labels, early);
    work.written.samples += inWindow.length;
  }
  if (inWindow.length === 0) return;
  const writer = work.extraWriter();
  writer.message(0x0a, () => {
    writeLabels(writer, labels);
    for (const sample of inWindow) writeSample(writer, sample.bits, sample.timestampMs);
  });
}

function refuseOutside(work: Work, tools: Tools, timestampMs: number, labels: Label[]): boolean {
  if (work.isInWindow(timestampMs)) return false;
  refuseIn(work, tools)(timestampMs < work.minTimestampMs ? 'too_old' : 'too_new', labels);
  return true;
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

function takeHistogram(
  histogram: NativeHistogram | HistogramFault,
  labels: Label[],
  work: Work,
  tools: Tools,
): void {
  if (typeof histogram === 'string') {
    refuseIn(work, tools)(histogram, labels);
    return;
  }
  if (refuseOutside(work, tools, histogram.timestampMs, labels)) return;
  work.written.histograms += 1;
  const writer = work.extraWriter();
  for (const part of toClassicSeries(histogram)) {
    writer.message(0x0a, () => {
      writeLabels(writer, withSuffix(labels, part.suffix, part.label));
      writeSample(writer, histogram.isStale ? staleMarkerBytes : part.value, histogram.timestampMs);
    });
  }
}

function exemplarFault(exemplar: Exemplar): Reason | undefined {
  if (exemplar.timestampMs === 0) return 'exemplar_invalid';
  const length = exemplar.labels.reduce(
    (sum, [name, value]) => sum + name.length + value.length,
    0,
  );
  return length > maxExemplarLabelLength ? 'exemplar_labels_too_long' : undefined;
}

function takeExemplar(exemplar: Exemplar, labels: Label[], work: Work, tools: Tools): void {
  const refuse = refuseIn(work, tools);
  const fault = exemplarFault(exemplar);
  if (fault) {
    refuse(fault, labels);
    return;
  }
  if (refuseOutside(work, tools, exemplar.timestampMs, labels)) return;
  const { tenantId } = work.sender;
  const isKept = tools.exemplars.add({ tenantId, seriesLabels: labels, exemplar });
  if (isKept) work.written.exemplars += 1;
  else refuse('exemplar_store_full', labels);
}

/**
 * Native histograms become the classic series that VictoriaMetrics can store, exemplars go to their own store.
 * A series with neither of them and no sample is refused only where the protocol demands one (2.0).
 */
export function collect(work: Work, tools: Tools): undefined {
  const { kernel } = tools;
  const isVersion2 = work.payload.kind === 'posted' && work.payload.version === 2;
  const special =
    seriesFlag.histograms | seriesFlag.exemplars | (isVersion2 ? seriesFlag.noSamples : 0);
  if ((kernel.totals.flags & special) === 0) return;
  for (let index = 0; index < kernel.totals.series; index += 1) {
    if ((kernel.flagsOf(index) & special) !== 0) collectSeries(index, isVersion2, work, tools);
  }
}

function collectSeries(index: number, isVersion2: boolean, work: Work, tools: Tools): void {
  const content = contentOf(index, work, tools);
  if (!content) return;
  const refuse = refuseIn(work, tools);
  const { histograms, exemplars, samples } = content;
  work.received += histograms.length + exemplars.length;
  const labels = acceptedLabels(content, work);
  if (typeof labels === 'string') {
    refuse(labels, content.labels, histograms.length + exemplars.length);
    return;
  }
  if (tools.kernel.verdictOf(index) >= verdict.firstReason) {
    // The labels are good, so it was the tenant's budget that kept the series out.
    refuse('series_budget', labels, histograms.length + exemplars.length);
    return;
  }
  if (isVersion2) judgeContent(content, labels, work, tools);
  if (!isVersion2 || samples.length === 0) {
    for (const histogram of histograms) takeHistogram(histogram, labels, work, tools);
  }
  for (const exemplar of exemplars) takeExemplar(exemplar, labels, work, tools);
}

/** Remote write 2.0: a series has samples or histograms, one of them and not both. */
function judgeContent(content: SeriesContent, labels: Label[], work: Work, tools: Tools): void {
  const { histograms, samples } = content;
  if (samples.length === 0 && histograms.length === 0) {
    work.received += 1;
    refuseIn(work, tools)('no_samples', labels);
  } else if (samples.length > 0 && histograms.length > 0) {
    refuseIn(work, tools)('mixed_samples_histograms', labels, histograms.length);
  }
}
