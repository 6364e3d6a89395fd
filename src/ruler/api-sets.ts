import type { Logger } from '../platform/index.ts';
import {
  apiFile,
  parseApiRule,
  type FieldProblem,
  type RuleGroup,
  type RuleSpec,
} from '../rules/index.ts';
import { toRuleSet, type RuleSet, type SetDefaults } from './rule-set.ts';

/** A rule made by API, in the schema of the rule files. */
export interface ApiRule {
  tenantId: string;
  id: string;
  spec: RuleSpec;
}

/** API rules of one tenant share this many groups, so that several rulers share them too. */
const apiGroups = 8;

/** Reads the rules made by API; gives the same list where nothing changed. */
export function watchApiRules(deps: {
  apiRules: () => Promise<readonly ApiRule[]>;
  defaults: SetDefaults;
  log: Logger;
}): () => Promise<readonly RuleSet[]> {
  let text = '';
  let sets: readonly RuleSet[] = [];
  return async () => {
    const rules = await deps.apiRules();
    const now = JSON.stringify(rules);
    if (now === text) return sets;
    text = now;
    sets = apiRuleSets(rules, deps.defaults, (rule, problem) =>
      deps.log.warn('rule not taken', { rule: rule.id, ...problem }),
    );
    return sets;
  };
}

function apiRuleSets(
  rules: readonly ApiRule[],
  defaults: SetDefaults,
  onProblem: (rule: ApiRule, problem: FieldProblem) => void,
): RuleSet[] {
  const groups = new Map<string, { tenantId: string; group: RuleGroup }>();
  for (const row of rules) {
    const outcome = parseApiRule(row.id, row.spec);
    if (!outcome.ok) {
      for (const problem of outcome.problems) onProblem(row, problem);
      continue;
    }
    const name = String(bucketOf(row.id));
    const key = `${row.tenantId} ${name}`;
    const others = groups.get(key)?.group.rules ?? [];
    const group = { ...emptyApiGroup, name, rules: [...others, outcome.rule] };
    groups.set(key, { tenantId: row.tenantId, group });
  }
  return [...groups.values()].map(({ tenantId, group }) => toRuleSet(tenantId, group, defaults));
}

const emptyApiGroup = {
  ...{ file: apiFile, intervalMs: undefined, limit: 0, queryOffsetMs: undefined },
} as const;

function bucketOf(id: string): number {
  let hash = 0;
  for (const byte of Buffer.from(id)) hash = (Math.imul(hash, 31) + byte) >>> 0;
  return hash % apiGroups;
}
