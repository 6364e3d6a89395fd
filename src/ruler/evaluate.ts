import {
  transition,
  type AlertTerms,
  type Evaluation,
  type Instances,
  type Transition,
} from '../alerts/index.ts';
import type { AlertingRule, RecordingRule } from '../rules/index.ts';
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
  private readonly slotMs: number;
  private readonly queryMs: number;
  private readonly deps: EvaluateDeps;
  private readonly output: Output;
  private asked = new Map<string, Promise<Answer>>();

  constructor(set: RuleSet, slotMs: number, deps: EvaluateDeps) {
    this.slotMs = slotMs;
    this.queryMs = slotMs - set.queryOffsetMs;
    this.deps = deps;
    this.output = new Output(this.queryMs);
  }

  async rule({ key, rule }: KeyedRule, before: RuleState): Promise<RuleOutcome> {
    const startedMs = this.deps.monotonicMs();
    const answer = await this.ask(rule.expression);
    const rows = answer.ok ? answer.rows.length : 0;
    const step =
      rule.kind === 'alert'
        ? await this.alert(rule, before, answer)
        : this.record(rule, before, answer);
    return {
      ...{ key, rule, before, rows, isPartial: answer.ok && answer.isPartial },
      ...step,
      durationMs: this.deps.monotonicMs() - startedMs,
    };
  }

  private ask(expression: string): Promise<Answer> {
    const known = this.asked.get(expression);
    if (known) return known;
    const answer = this.deps.ask(expression, this.queryMs);
    this.asked.set(expression, answer);
    return answer;
  }

  private async alert(rule: AlertingRule, before: RuleState, answer: Answer) {
    const evaluation = await this.evaluationOf(rule, before, answer);
    const step = transition(before.instances, evaluation, rule);
    const { failure, instances } = step;
    if (failure && failure.reason !== 'over-limit') {
      // As in Prometheus nothing is written, not even an end: the series go quiet.
      return { after: before, transition: step, error: failure.message };
    }
    const written = this.output.replace(
      before.written,
      failure ? new Map<string, never>() : alertSeries(instances),
    );
    const after = { instances, written };
    return { after, transition: step, ...(failure ? { error: failure.message } : {}) };
  }

  private async evaluationOf(
    rule: AlertingRule & AlertTerms,
    before: RuleState,
    answer: Answer,
  ): Promise<Evaluation> {
    if (!answer.ok) return { kind: 'error', atMs: this.slotMs, message: answer.message };
    const { externalLabels, externalUrl } = this.deps;
    const elements = await toElements(rule, answer.rows, this.slotMs, {
      ...{ externalLabels, externalUrl },
      query: async (expression) => {
        const rows = await this.ask(expression);
        return rows.ok ? rows.rows : new Error(rows.message);
      },
    });
    const asksSilent = rule.onNoData === 'keep' && before.instances.size > 0;
    return {
      ...{ kind: 'answer', atMs: this.slotMs, elements, partial: answer.isPartial },
      ...(asksSilent ? { silent: silentAmong(before.instances, await this.ask(quietHosts)) } : {}),
    };
  }

  private record(rule: RecordingRule, before: RuleState, answer: Answer) {
    if (!answer.ok) return { after: before, error: answer.message };
    const series = recordedSeries(rule, answer.rows);
    if (series === undefined) {
      return { after: before, error: duplicateRecord };
    }
    return { after: { ...before, written: this.output.replace(before.written, series) } };
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

const duplicateRecord = 'vector contains metrics with the same labelset after applying rule labels';
