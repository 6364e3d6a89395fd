import type { Accept, ForwardOutcome } from '../forward/index.ts';
import type { Label } from '../wire/index.ts';
import type { IngestMeters } from './meters.ts';
import { sum, total, type IngestOutcome } from './outcome.ts';
import type { Sender } from './sender.ts';
import { collect } from './steps/collect.ts';
import { decode, recognise, scan } from './steps/decode.ts';
import { compose, keepMetadata } from './steps/finish.ts';
import { judge } from './steps/judge.ts';
import { elect, spend } from './steps/limit.ts';
import { Work, type Payload, type Tools } from './work.ts';

/** An outcome ends the request; a promise means "run again when it settles"; undefined goes on. */
type StepResult = IngestOutcome | Promise<unknown> | undefined;

interface Step {
  name: string;
  run: (work: Work, tools: Tools) => StepResult;
}

/**
 * The write path in its order. All of it runs without awaiting: the kernel holds one request at a time.
 * Admission comes before, while the body is read (`http/write`); forwarding comes after.
 */
const steps: readonly Step[] = [
  // Sizes are judged from the declared length, so nothing is allocated for a bomb.
  { name: 'decode', run: decode },
  // One pass decides for known series; all later steps look at what it left over.
  { name: 'scan', run: scan },
  // Before budgets and judging: the losing replica must cost the tenant nothing.
  { name: 'elect', run: elect },
  // Before judging: a request over the rate must not teach the table new series.
  { name: 'spend', run: spend },
  { name: 'judge', run: judge },
  // After judging: histograms and exemplars of refused series are refused with them.
  { name: 'collect', run: collect },
  { name: 'keepMetadata', run: keepMetadata },
  // Last: it knows what remains.
  { name: 'compose', run: compose },
];

/** Runs the steps and forwards; counts every outcome. */
export async function take(
  sender: Sender,
  payload: Payload,
  tools: Tools,
  accept: Accept,
): Promise<IngestOutcome> {
  for (;;) {
    const work = new Work(sender, payload, tools);
    const repeat = recognise(work, tools);
    if (repeat) return repeated(await repeat, work, tools);
    const result = runSteps(work, tools);
    if (result instanceof Promise) {
      await result;
      continue;
    }
    if (result) {
      count(result, work, tools);
      return result;
    }
    const outcome = forward(work, tools, accept);
    if (work.digest) tools.repeats.remember(work.digest, outcome);
    const settled = await outcome.catch((error: unknown) => {
      if (work.digest) tools.repeats.forget(work.digest);
      throw error;
    });
    if (work.digest) settle(work.digest, settled, tools);
    count(settled, work, tools);
    return settled;
  }
}

function runSteps(work: Work, tools: Tools): StepResult {
  for (const step of steps) {
    const result = step.run(work, tools);
    if (result) return result;
  }
  return undefined;
}

function settle(digest: NonNullable<Work['digest']>, outcome: IngestOutcome, tools: Tools): void {
  const isFinal = outcome.kind === 'accepted' || outcome.kind === 'partial';
  if (isFinal) tools.repeats.remember(digest, outcome);
  else tools.repeats.forget(digest);
}

function repeated(outcome: IngestOutcome, work: Work, tools: Tools): IngestOutcome {
  tools.meters.request(outcome.kind);
  if (outcome.kind === 'accepted' || outcome.kind === 'partial') {
    const tally = tools.meters.tenant(work.sender.tenantId);
    tally.received += total(outcome.written);
    tally.repeated += total(outcome.written);
  }
  return outcome.kind === 'accepted' ? { ...outcome, note: 'repeat' } : outcome;
}

function forcedLabels(
  work: Work,
  tools: Tools,
): { labels: Label[]; tags: Readonly<Record<string, string>> } {
  const { tenantId, hostId } = work.sender;
  const tags = hostId === undefined ? {} : (tools.tagsOf(tenantId, hostId) ?? {});
  // A second `tenant` would override the first: VictoriaMetrics takes the last of two equal names.
  const forced = Object.entries(tags).filter(([name]) => !work.scope.rules.reserved.has(name));
  return { labels: [['tenant', tenantId], ...forced], tags };
}

async function forward(work: Work, tools: Tools, accept: Accept): Promise<IngestOutcome> {
  if (work.body.length === 0) return finalOutcome(work, { kind: 'accepted' });
  const { labels, tags } = forcedLabels(work, tools);
  const shardTag = tags[tools.shardTag];
  const outcome = await accept({
    labels,
    body: work.body,
    bytes: work.bodyBytes,
    samples: work.written.samples + work.written.histograms,
    ...(shardTag === undefined ? {} : { shardTag }),
  });
  return finalOutcome(work, outcome);
}

function finalOutcome(work: Work, outcome: ForwardOutcome): IngestOutcome {
  if (outcome.kind === 'overloaded') {
    return {
      kind: 'overloaded',
      retryAfterSeconds: outcome.retryAfterSeconds,
      message: `the samples cannot be taken now: ${outcome.reason}`,
    };
  }
  if (outcome.kind === 'refused') {
    return { kind: 'invalid', reason: 'storage_refused', message: outcome.message };
  }
  const written = sum(work.written, work.droppedSilently);
  const overSeries = work.refused.get('series_budget');
  if (overSeries !== undefined) {
    return {
      kind: 'over_budget',
      reason: 'series_budget',
      written,
      retryAfterSeconds: 60,
      message: `tenant ${work.sender.tenantId} has reached its active series; ${String(overSeries)} samples of new series were refused`,
    };
  }
  const refusals = [...work.refused.values()].reduce((running, n) => running + n, 0);
  if (refusals <= total(work.droppedSilently)) return { kind: 'accepted', written };
  const { refused, examples, received } = work;
  return { kind: 'partial', written, received, refused, examples };
}

/** Counts a request by its outcome, and by the reason where it was refused whole. */
export function countOutcome(outcome: IngestOutcome, meters: IngestMeters): void {
  meters.request(outcome.kind);
  if (outcome.kind === 'invalid' || outcome.kind === 'over_budget') meters.fault(outcome.reason);
  if (outcome.kind === 'overloaded') meters.fault('overloaded');
  if (outcome.kind === 'unsupported') meters.fault('unsupported_media');
}

function count(outcome: IngestOutcome, work: Work, tools: Tools): void {
  countOutcome(outcome, tools.meters);
  const { tenantId, keyName: sender } = work.sender;
  const tally = tools.meters.tenant(tenantId);
  const isTaken = outcome.kind === 'accepted' || outcome.kind === 'partial';
  if (!isTaken && outcome.kind !== 'over_budget') return;
  tally.received += work.received;
  if (outcome.kind === 'accepted' && outcome.note === 'ha_loser') return;
  tally.accepted += total(work.written);
  tally.observed += work.observed;
  tally.nan += work.nan;
  for (const [reason, refused] of work.refused) {
    tally.refused.set(reason, (tally.refused.get(reason) ?? 0) + refused);
    tools.ledger.note({ tenantId, reason, series: '', sender, samples: refused });
  }
}
