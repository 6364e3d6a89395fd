import {
  transition,
  type AlertElement,
  type Evaluation,
  type Instances,
  type Transition,
} from '../alerts/index.ts';
import { messageOf } from '../platform/index.ts';
import { type AlertingRule, type RecordingRule } from '../rules/index.ts';
import type { Answer } from './ask.ts';
import { readsEarlier } from './chains.ts';
import { toElements } from './elements.ts';
import { alertSeries, Output, recordedSeries, type Written } from './output.ts';
import { quietHosts, silentAmong } from './quiet.ts';
import type { KeyedRule, RuleSet } from './rule-set.ts';

/** What is remembered of one rule between its evaluations. */
export interface RuleState {
  instances: Instances;
  written: Written;
}

export type GroupState = ReadonlyMap<string, RuleState>;

/** How one rule's evaluation went. */
export interface RuleOutcome {
  key: string;
  /** Undefined of a rule that is no longer there. */
  rule: KeyedRule['rule'] | undefined;
  before: RuleState;
  after: RuleState;
  /** Of alerting rules. */
  transition?: Transition;
  rows: number;
  isPartial: boolean;
  durationMs: number;
  error?: string;
}

export interface EvaluateDeps {
  /** Questions in the tenant's name; the same one again within a cycle is asked once. */
  ask: (expression: string, atMs: number) => Promise<Answer>;
  /** Hands series to storage; with `isVisible` it comes back when they can be read. */
  write: (output: Output, options: { isVisible: boolean }) => Promise<void>;
  externalLabels: ReadonlyMap<string, string>;
  externalUrl: string;
  /** Added to the times of what is written; tests store at other times than they speak of. */
  stampShiftMs?: number;
  monotonicMs: () => number;
}

const nothing: RuleState = { instances: new Map(), written: new Map() };

/** One evaluation of a group at its slot. Never rejects for what a question came to: that is an outcome. */
export async function evaluateGroup(
  set: RuleSet,
  state: GroupState,
  slotMs: number,
  deps: EvaluateDeps,
): Promise<RuleOutcome[]> {
  const group = new GroupEvaluation(set, slotMs, deps);
  const stateOf = (key: string) => state.get(key) ?? nothing;
  if (set.isIndependent) {
    const outcomes = await Promise.all(
      set.rules.map((rule) => group.rule(rule, stateOf(rule.key))),
    );
    await group.finish();
    return outcomes;
  }
  const reads = readsEarlier(set.rules.map(({ rule }) => rule));
  const outcomes: RuleOutcome[] = [];
  for (const [i, rule] of set.rules.entries()) {
    if (reads[i]) await group.makeVisible();
    outcomes.push(await group.rule(rule, stateOf(rule.key)));
  }
  await group.finish();
  return outcomes;
}

class GroupEvaluation {
  private readonly set: RuleSet;
  private readonly slotMs: number;
  private readonly queryMs: number;
  private readonly deps: EvaluateDeps;
  private readonly output: Output;
  private asked = new Map<string, Promise<Answer>>();

  constructor(set: RuleSet, slotMs: number, deps: EvaluateDeps) {
    this.set = set;
    this.slotMs = slotMs;
    this.queryMs = slotMs - set.queryOffsetMs;
    this.deps = deps;
    this.output = new Output(this.queryMs + (deps.stampShiftMs ?? 0));
  }

  async rule({ key, rule }: KeyedRule, before: RuleState): Promise<RuleOutcome> {
    const startedMs = this.deps.monotonicMs();
    const step =
      rule.kind === 'record'
        ? await this.record(rule, before)
        : this.alert(rule, before, await this.evaluationOf(rule, before));
    return { key, rule, before, ...step, durationMs: this.deps.monotonicMs() - startedMs };
  }

  private ask(expression: string): Promise<Answer> {
    const known = this.asked.get(expression);
    if (known) return known;
    const answer = this.deps.ask(expression, this.queryMs);
    this.asked.set(expression, answer);
    return answer;
  }

  private alert(rule: AlertingRule, before: RuleState, evaluation: Evaluation) {
    const step = transition(before.instances, evaluation, rule);
    const { failure, instances } = step;
    const isAnswer = evaluation.kind === 'answer';
    const seen = {
      rows: isAnswer ? evaluation.elements.length : 0,
      isPartial: isAnswer && evaluation.partial === true,
      transition: step,
      ...(failure ? { error: failure.message } : {}),
    };
    // As in Prometheus nothing is written, not even an end: the series go quiet.
    if (failure && failure.reason !== 'over-limit') return { ...seen, after: before };
    const series = failure ? new Map<string, never>() : alertSeries(instances);
    return { ...seen, after: { instances, written: this.output.replace(before.written, series) } };
  }

  private async evaluationOf(rule: AlertingRule, before: RuleState): Promise<Evaluation> {
    const { slotMs: atMs, set, deps } = this;
    if (set.inner) return innerEvaluation(set.inner(set.tenantId, atMs), atMs);
    const answer = await this.ask(rule.expression);
    if (!answer.ok) return { kind: 'error', atMs, message: answer.message };
    const { externalLabels, externalUrl } = deps;
    const elements = await toElements(rule, answer.rows, atMs, {
      ...{ externalLabels, externalUrl },
      query: async (expression) => {
        const rows = await this.ask(expression);
        return rows.ok ? rows.rows : new Error(rows.message);
      },
    });
    const asksSilent = rule.onNoData === 'keep' && before.instances.size > 0;
    const silent = asksSilent
      ? { silent: silentAmong(before.instances, await this.ask(quietHosts)) }
      : {};
    return { kind: 'answer', atMs, elements, partial: answer.isPartial, ...silent };
  }

  private async record(rule: RecordingRule, before: RuleState) {
    const answer = await this.ask(rule.expression);
    if (!answer.ok) return { after: before, rows: 0, isPartial: false, error: answer.message };
    const { rows, isPartial } = answer;
    const seen = { rows: rows.length, isPartial };
    // A sum over a part would look like any other sum, and what is missing is not over.
    if (isPartial) return { ...seen, after: before, error: partialRecord };
    const series = recordedSeries(rule, rows);
    if (series === undefined) return { ...seen, after: before, error: duplicateRecord };
    const written = this.output.replace(before.written, series);
    return { ...seen, after: { ...before, written } };
  }

  /** What earlier rules wrote is there for the next one, which asks anew. */
  async makeVisible(): Promise<void> {
    if (this.output.count > 0) await this.deps.write(this.output, { isVisible: true });
    this.asked = new Map();
  }

  async finish(): Promise<void> {
    if (this.output.count > 0) await this.deps.write(this.output, { isVisible: false });
  }
}

async function innerEvaluation(
  asked: Promise<readonly AlertElement[]>,
  atMs: number,
): Promise<Evaluation> {
  try {
    return { kind: 'answer', atMs, elements: await asked };
  } catch (error) {
    return { kind: 'error', atMs, message: messageOf(error) };
  }
}

const partialRecord = 'storage answered with a part of the data only';
const duplicateRecord = 'vector contains metrics with the same labelset after applying rule labels';
