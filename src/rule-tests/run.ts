import { messageOf } from '../platform/index.ts';
import { formatDuration } from '../query/index.ts';
import {
  parseUnitTests,
  type ExpectedAlert,
  type RuleGroup,
  type TestGroup,
  type UnitTestFile,
} from '../rules/index.ts';
import {
  evaluateGroup,
  inputsOf,
  toRuleSet,
  type Answer,
  type EvaluateDeps,
  type GroupState,
  type RuleOutcome,
  type RuleSet,
} from '../ruler/index.ts';
import { caseText, judgeAlerts, judgeSamples } from './compare.ts';
import { inputRequest } from './input.ts';
import { loadGroups, resolveRuleFiles } from './load.ts';
import type { TestStorage } from './ports.ts';
import { shiftExpression, shiftOf } from './shift.ts';

export interface GroupResult {
  name: string;
  /** As promtool prints them; none where the group holds. */
  failures: readonly string[];
}

export interface FileResult {
  file: string;
  warnings: readonly string[];
  groups: readonly GroupResult[];
}

export interface RunOptions {
  storage: TestStorage;
  /** Only groups whose name matches. */
  only?: RegExp;
  /** A part of the storage that nobody has used. */
  newScope: () => string;
}

/** Runs a test file of promtool as it is. What is wrong with the file or the rules is a failure of it. */
export async function runTestFile(
  file: string,
  text: string,
  options: RunOptions,
): Promise<FileResult> {
  const warnings: string[] = [];
  let tests: UnitTestFile;
  let groups: RuleGroup[];
  try {
    tests = parseUnitTests(text, file);
    groups = loadGroups(
      resolveRuleFiles(file, tests.ruleFiles, (message) => warnings.push(message)),
    );
  } catch (error) {
    return { file, warnings, groups: [{ name: '', failures: [messageOf(error)] }] };
  }
  const sets = ordered(groups, tests.groupOrder).map((group) =>
    toRuleSet('test', group, { intervalMs: tests.evaluationIntervalMs, queryOffsetMs: 0 }),
  );
  const chosen = tests.tests.filter(({ name }) => options.only?.test(name) ?? true);
  const results: GroupResult[] = [];
  for (const group of chosen) {
    const run = new GroupRun(group, sets, tests.evaluationIntervalMs, options);
    results.push({ name: group.name, failures: await run.failures() });
  }
  return { file, warnings, groups: results };
}

/** Those that are named come in that order, after the others. */
function ordered(groups: readonly RuleGroup[], names: readonly string[]): RuleGroup[] {
  const placeOf = ({ name }: RuleGroup) => names.indexOf(name);
  return [...groups].sort((a, b) => placeOf(a) - placeOf(b));
}

class GroupRun {
  private readonly test: TestGroup;
  private readonly sets: readonly RuleSet[];
  private readonly intervalMs: number;
  private readonly storage: TestStorage;
  private readonly scope: string;
  private readonly shiftMs: number;
  private readonly isRead: boolean;
  private readonly states = new Map<RuleSet, GroupState>();
  private readonly shifted = new Map<string, string>();
  private readonly mismatches: string[] = [];
  private readonly found: string[] = [];

  constructor(
    test: TestGroup,
    sets: readonly RuleSet[],
    intervalMs: number,
    { storage, newScope }: RunOptions,
  ) {
    this.test = test;
    this.sets = sets;
    this.intervalMs = intervalMs;
    this.storage = storage;
    this.scope = newScope();
    this.shiftMs = shiftOf(test.startMs);
    this.isRead = readsResults(test, sets);
  }

  async failures(): Promise<readonly string[]> {
    try {
      await this.storage.write(this.scope, inputRequest(this.test, this.shiftMs));
      if (await this.evaluateAll()) await this.judgeExpressions();
    } catch (error) {
      this.found.push(`    ${messageOf(error)}`);
    }
    return this.found;
  }

  /**
   * All groups at each evaluation interval, whatever their own, as promtool does; alert cases at their tick. False where
   * a rule could not be evaluated.
   */
  private async evaluateAll(): Promise<boolean> {
    const { alertCases, promqlCases, startMs } = this.test;
    const lastMs = Math.max(0, ...[...alertCases, ...promqlCases].map(({ evalMs }) => evalMs));
    const failed: string[] = [];
    for (let atMs = 0; atMs <= lastMs; atMs += this.intervalMs) {
      for (const set of this.sets) failed.push(...(await this.evaluate(set, startMs + atMs)));
      if (failed.length > 0) break;
      for (const one of alertCases) {
        if (one.evalMs < atMs || one.evalMs >= atMs + this.intervalMs) continue;
        const failure = judgeAlerts(one, this.firing(one.alertName), this.test.name);
        if (failure !== undefined) this.mismatches.push(failure);
      }
    }
    this.found.push(...failed, ...this.mismatches);
    return failed.length === 0;
  }

  private async evaluate(set: RuleSet, slotMs: number): Promise<string[]> {
    const state = this.states.get(set) ?? new Map();
    const outcomes = await evaluateGroup(set, state, slotMs, this.deps());
    this.states.set(set, new Map(outcomes.map(({ key, after }) => [key, after])));
    return outcomes.flatMap((outcome) => this.errorOf(outcome, slotMs));
  }

  private errorOf({ rule, error }: RuleOutcome, slotMs: number): string[] {
    if (error === undefined) return [];
    const time = formatDuration(slotMs - this.test.startMs);
    return [`    rule: ${rule?.name ?? ''}, time: ${time}, err: ${error}`];
  }

  private deps(): EvaluateDeps {
    return {
      ask: (expression, atMs) => this.ask(expression, atMs),
      write: async (output) => {
        const request = output.take();
        if (this.isRead) await this.storage.write(this.scope, request);
      },
      stampShiftMs: this.shiftMs,
      externalLabels: this.test.externalLabels,
      externalUrl: this.test.externalUrl,
      monotonicMs: () => 0,
    };
  }

  private ask(expression: string, atMs: number): Promise<Answer> {
    const known = this.shifted.get(expression);
    const text = known ?? shiftExpression(expression, this.shiftMs);
    this.shifted.set(expression, text);
    return this.storage.ask(this.scope, text, atMs + this.shiftMs);
  }

  private firing(alertName: string): ExpectedAlert[] {
    const instances = this.sets.flatMap((set) => {
      const rules = set.rules.filter(
        ({ rule }) => rule.kind === 'alert' && rule.name === alertName,
      );
      const state = this.states.get(set);
      return rules.flatMap(({ key }) => [...(state?.get(key)?.instances.values() ?? [])]);
    });
    return instances
      .filter(({ state }) => state === 'firing')
      .map(({ labels, annotations }) => ({ labels, annotations }));
  }

  private async judgeExpressions(): Promise<void> {
    for (const one of this.test.promqlCases) {
      const answer = await this.ask(one.expression, this.test.startMs + one.evalMs);
      const failure = answer.ok
        ? judgeSamples(one, answer.rows)
        : caseText(one.expression, one.evalMs, `    err: ${answer.message}`);
      if (failure !== undefined) this.found.push(failure);
    }
  }
}

/** Whether anything asks for what rules write; otherwise nothing needs to be stored. */
function readsResults({ promqlCases }: TestGroup, sets: readonly RuleSet[]): boolean {
  const rules = sets.flatMap((set) => set.rules.map(({ rule }) => rule));
  const written = new Set(['ALERTS', 'ALERTS_FOR_STATE']);
  for (const rule of rules) if (rule.kind === 'record') written.add(rule.name);
  const expressions = [...rules, ...promqlCases].map(({ expression }) => expression);
  return expressions.some((expression) => {
    const inputs = inputsOf(expression);
    return inputs === 'any' || [...inputs].some((name) => written.has(name));
  });
}
