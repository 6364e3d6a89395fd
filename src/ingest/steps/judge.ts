import { seriesFlag, verdict } from '../../wire/index.ts';
import { judgeLabelBytes, type Judgement } from '../judge/judge.ts';
import { reasons, type Reason } from '../judge/reason.ts';
import { seriesTextOf } from '../judge/series-text.ts';
import type { Tools, Work } from '../work.ts';
import { rewriteSeries } from './rewrite.ts';

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
    const refusal = verdict.firstReason + reasons.indexOf(judgement.reason);
    kernel.learn(index, refusal);
    return refusal;
  }
  if (active.countOf(tenantId) >= tools.policyOf(tenantId).maxActiveSeries) {
    // Not learned: the series gets in as soon as there is room.
    return verdict.firstReason + reasons.indexOf('series_budget');
  }
  const value = verdictOf[judgement.kind];
  if (kernel.learn(index, value)) active.added(tenantId);
  return value;
}

function refuseSeries(index: number, reason: Reason, work: Work, tools: Tools): void {
  const { kernel } = tools;
  const count = kernel.samplesOf(index);
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
      refuseSeries(index, reason, work, tools);
    }
    return;
  }
  const tooOld = kernel.tooOldOf(index);
  const tooNew = kernel.tooNewOf(index);
  if (tooOld + tooNew > 0) {
    const series = seriesTextOf(kernel.labelBytes(index));
    work.refuse('too_old', tooOld, series, index);
    work.refuse('too_new', tooNew, series, index);
    const { tenantId, keyName: sender } = work.sender;
    if (tooOld > 0)
      tools.ledger.note({ tenantId, reason: 'too_old', series, sender, samples: tooOld });
    if (tooNew > 0)
      tools.ledger.note({ tenantId, reason: 'too_new', series, sender, samples: tooNew });
  }
  const kept = kernel.samplesOf(index) - tooOld - tooNew;
  work.written.samples += kept;
  if (value === verdict.observed) work.observed += kept;
  if (value === verdict.strip) work.mustRebuild = true;
  if (value === verdict.rewrite) rewriteSeries(index, work, tools);
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
      const value = verdict.firstReason + reasons.indexOf('too_many_labels');
      kernel.setVerdict(index, value);
      account(index, value, work, tools);
      continue;
    }
    if ((flags & needsFullRead) !== 0) {
      kernel.setVerdict(index, verdict.rewrite);
      work.received -= kernel.samplesOf(index);
      rewriteSeries(index, work, tools, { isUnusual: true });
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
