import { seriesFlag, verdict } from '../../wire/index.ts';
import { judgeLabelBytes, type Judgement } from '../judge/judge.ts';
import { reasons, type Reason } from '../judge/reason.ts';
import { seriesTextOf } from '../judge/series-text.ts';
import type { Tools, Work } from '../work.ts';
import { rewriteSeries, rewriteUnusual, verdictOfRefusal } from './rewrite.ts';

const verdictOf: Readonly<Record<Exclude<Judgement['kind'], 'refused'>, number>> = {
  pass: verdict.pass,
  strip: verdict.strip,
  rewrite: verdict.rewrite,
  observed: verdict.observed,
};

function judgeNew(index: number, work: Work, tools: Tools): number {
  const { kernel, active } = tools;
  const { tenantId } = work.sender;
  const judgement = judgeLabelBytes(kernel.labelBytes(index), work.scope.rules);
  if (judgement.kind === 'refused') {
    const refusal = verdictOfRefusal(judgement.reason);
    // A name over the budget is not learned: it gets in as soon as there is room.
    if (judgement.reason !== 'metric_names_budget') kernel.learn(index, refusal);
    return refusal;
  }
  if (active.countOf(tenantId) >= tools.policyOf(tenantId).maxActiveSeries) {
    // Not learned: the series gets in as soon as there is room.
    return verdictOfRefusal('series_budget');
  }
  const value = verdictOf[judgement.kind];
  if (kernel.learn(index, value)) active.added(tenantId);
  return value;
}

function refuseSeries(
  index: number,
  reason: Reason,
  count: number,
  { work, tools }: { work: Work; tools: Tools },
): void {
  const { kernel } = tools;
  const series = seriesTextOf(kernel.labelBytes(index));
  work.refuse(reason, count, series, index);
  tools.ledger.note({
    tenantId: work.sender.tenantId,
    reason,
    series,
    sender: work.sender.keyName,
    samples: count,
  });
}

/** Refusals of known series are frequent in `drop` mode: the text is made for the first few only. */
const textsPerRequest = 3;

function account(index: number, value: number, work: Work, tools: Tools): void {
  const { kernel } = tools;
  if (value >= verdict.firstReason) {
    const reason = reasons[value - verdict.firstReason] ?? 'invalid_label';
    const isQuiet = reason === 'not_whitelisted' && work.sender.whitelistMode === 'drop';
    if (isQuiet && work.examples.length >= textsPerRequest) {
      work.refuse(reason, kernel.samplesOf(index), '');
    } else {
      refuseSeries(index, reason, kernel.samplesOf(index), { work, tools });
    }
    return;
  }
  const tooOld = kernel.tooOldOf(index);
  const tooNew = kernel.tooNewOf(index);
  if (tooOld > 0) refuseSeries(index, 'too_old', tooOld, { work, tools });
  if (tooNew > 0) refuseSeries(index, 'too_new', tooNew, { work, tools });
  const kept = kernel.samplesOf(index) - tooOld - tooNew;
  const fault = value === verdict.rewrite ? rewriteSeries(index, work, tools) : undefined;
  if (fault) {
    refuseSeries(index, fault, kept, { work, tools });
    return;
  }
  work.written.samples += kept;
  if (value === verdict.observed) work.observed += kept;
  if (value === verdict.strip) work.mustRebuild = true;
}

const needsFullRead = seriesFlag.unusual | seriesFlag.tooManyLabels;

/** Judges series seen for the first time, then counts what is accepted and what is refused, and why. */
export function judge(work: Work, tools: Tools): undefined {
  const { kernel } = tools;
  const { totals } = kernel;
  const plain = seriesFlag.noSamples | seriesFlag.metadata;
  work.received = totals.samples;
  work.nan = totals.nanSamples;
  if (totals.unknown + totals.notPassed === 0 && (totals.flags & ~plain) === 0) {
    work.written.samples = totals.samples;
    if (totals.flags !== 0) work.mustRebuild = true;
    return;
  }
  if (totals.flags !== 0) work.mustRebuild = true;
  for (let index = 0; index < totals.series; index += 1) {
    const flags = kernel.flagsOf(index);
    if ((flags & seriesFlag.tooManyLabels) !== 0) {
      const value = verdictOfRefusal('too_many_labels');
      kernel.setVerdict(index, value);
      account(index, value, work, tools);
      continue;
    }
    if ((flags & needsFullRead) !== 0) {
      kernel.setVerdict(index, verdict.rewrite);
      rewriteUnusual(index, work, tools);
      continue;
    }
    let value = kernel.verdictOf(index);
    if (value === verdict.unknown) {
      value = judgeNew(index, work, tools);
      kernel.setVerdict(index, value);
    }
    account(index, value, work, tools);
  }
}
