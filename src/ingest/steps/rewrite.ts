import {
  readSeries,
  WireError,
  writeLabels,
  Writer,
  writeSample,
  verdict,
  type Label,
  type SeriesContent,
} from '../../wire/index.ts';
import { judgeLabels } from '../judge/judge.ts';
import { reasons, type Reason } from '../judge/reason.ts';
import { seriesText } from '../judge/series-text.ts';
import type { Written } from '../outcome.ts';
import type { Tools, Work } from '../work.ts';

/** Counts a refusal for the answer and for the ledger; a plain number counts samples. */
export function refuse(
  work: Work,
  tools: Tools,
  reason: Reason,
  { labels, count }: { labels: readonly Label[]; count: number | Written },
): void {
  const series = seriesText(labels);
  const samples = work.refuse(reason, count, series);
  if (samples === 0) return;
  const { tenantId, keyName: sender } = work.sender;
  tools.ledger.note({ tenantId, reason, series, sender, samples });
}

/** The series decoded in full, or why it cannot be. */
export function contentOf(index: number, tools: Tools): SeriesContent | Reason {
  try {
    return readSeries(tools.kernel.seriesBytes(index));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (error.message.includes('UTF-8')) return 'invalid_utf8';
    return error.message.startsWith('too many') ? 'too_large' : 'undecodable';
  }
}

export interface AcceptedLabels {
  labels: Label[];
  observed: boolean;
}

/** The labels as they are to be stored, or why the series is not. */
export function acceptedLabels(labels: readonly Label[], work: Work): AcceptedLabels | Reason {
  const judgement = judgeLabels(labels, work.scope.rules);
  if (judgement.kind === 'refused') return judgement.reason;
  if (judgement.kind === 'rewrite') return judgement;
  const kept = labels.filter(([name]) => !work.scope.rules.reserved.has(name));
  return { labels: kept, observed: judgement.kind === 'observed' };
}

/** More than a TimeSeries of one sample takes beside the text of its labels. */
const framingBytes = 64;
const sampleBytes = 24;

/** What a series of these labels will take at most, bytes; JavaScript counts characters, UTF-8 up to three bytes each. */
export function sizeOf(labels: readonly Label[], samples = 1): number {
  const text = labels.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return framingBytes + 3 * text + 16 * labels.length + sampleBytes * samples;
}

function writeAnew(
  labels: readonly Label[],
  samples: SeriesContent['samples'],
  work: Work,
): Reason | undefined {
  if (samples.length === 0) return undefined;
  if (!work.hasRoom(sizeOf(labels, samples.length))) return 'too_large';
  const writer = work.extraWriter();
  writer.message(0x0a, () => {
    writeLabels(writer, labels);
    for (const sample of samples) writeSample(writer, sample.bits, sample.timestampMs);
  });
  return undefined;
}

/** Writes a series with other labels than it came with; the reason where that cannot be done. */
export function rewriteSeries(index: number, work: Work, tools: Tools): Reason | undefined {
  const content = contentOf(index, tools);
  if (typeof content === 'string') return content;
  const accepted = acceptedLabels(content.labels, work);
  if (typeof accepted === 'string') return accepted;
  const inWindow = content.samples.filter((sample) => work.isInWindow(sample.timestampMs));
  return writeAnew(accepted.labels, inWindow, work);
}

/**
 * Counts series that the scan did not look up against the tenant's budget, all or none of them: an unknown field, or
 * a histogram with ever other buckets, would be a way round it.
 */
export function admitAnew(
  all: readonly (readonly Label[])[],
  observed: boolean,
  work: Work,
  tools: Tools,
): boolean {
  const { active, kernel, policyOf } = tools;
  const { tenantId } = work.sender;
  const writer = new Writer();
  const unknown: Buffer[] = [];
  for (const labels of all) {
    writer.reset();
    writeLabels(writer, labels);
    if (kernel.verdictOfLabels(writer.view()) === verdict.unknown) unknown.push(writer.finish());
  }
  if (active.countOf(tenantId) + unknown.length > policyOf(tenantId).maxActiveSeries) {
    return unknown.length === 0;
  }
  const value = observed ? verdict.observed : verdict.pass;
  for (const labels of unknown) if (kernel.learnLabels(labels, value)) active.added(tenantId);
  return true;
}

/** The number under which the kernel's table knows a refusal. */
export const verdictOfRefusal = (reason: Reason): number =>
  verdict.firstReason + reasons.indexOf(reason);

/** Takes a series whose fields stand in an order that cannot be copied: decodes it, judges it, counts it. */
export function rewriteUnusual(index: number, work: Work, tools: Tools): void {
  const scanned = tools.kernel.samplesOf(index);
  const content = contentOf(index, tools);
  if (typeof content === 'string') {
    work.received += scanned === 0 ? 1 : 0;
    refuse(work, tools, content, { labels: [], count: Math.max(1, scanned) });
    return;
  }
  const { labels, samples } = content;
  work.received += samples.length - scanned;
  const accepted = acceptedLabels(labels, work);
  if (typeof accepted === 'string') {
    refuse(work, tools, accepted, { labels, count: samples.length });
    return;
  }
  const late = samples.filter(({ timestampMs }) => timestampMs < work.minTimestampMs).length;
  const early = samples.filter(({ timestampMs }) => timestampMs > work.maxTimestampMs).length;
  refuse(work, tools, 'too_old', { labels, count: late });
  refuse(work, tools, 'too_new', { labels, count: early });
  const inWindow = samples.filter(({ timestampMs }) => work.isInWindow(timestampMs));
  const fault = admitAnew([accepted.labels], accepted.observed, work, tools)
    ? writeAnew(accepted.labels, inWindow, work)
    : 'series_budget';
  if (fault) {
    if (fault === 'series_budget') tools.kernel.setVerdict(index, verdictOfRefusal(fault));
    refuse(work, tools, fault, { labels, count: inWindow.length });
    return;
  }
  work.written.samples += inWindow.length;
  if (accepted.observed) work.observed += inWindow.length;
}
