import { readFileSync, statSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, type Logger } from '../platform/index.ts';
import {
  apiFile,
  formatProblem,
  listRuleFiles,
  parseApiRule,
  parseRules,
  type FieldProblem,
  type Problem,
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

export interface RuleSetsDeps {
  /** Files directly in it are of the first tenant, those in `tenants/ID/` of that one. */
  folder: string;
  firstTenant: string;
  defaults: SetDefaults;
  /** Also those that are switched off: to be listed, not to be evaluated. */
  withDisabled?: boolean;
  /** Enabled ones of all tenants. */
  apiRules: () => Promise<readonly ApiRule[]>;
  log: Logger;
}

/** What is to be evaluated. A file with a mistake never replaces what was read of it before. */
export interface RuleSets {
  all(): readonly RuleSet[];
  /** What is wrong with the files as they are now. */
  problems(): readonly Problem[];
  /** Looks again; true where something changed. */
  reload(): Promise<boolean>;
}

interface KnownFile {
  stamp: string;
  groups: readonly RuleGroup[];
  problems: readonly Problem[];
}

/** API rules of one tenant share this many groups, so that several rulers share them too. */
const apiGroups = 8;

export function createRuleSets(deps: RuleSetsDeps): RuleSets {
  const { folder, firstTenant, defaults, log } = deps;
  const files = new Map<string, KnownFile>();
  let fileSets: RuleSet[] = [];
  let apiSets: RuleSet[] = [];
  let apiText = '';

  function readFile(path: string): boolean {
    const known = files.get(path);
    const { mtimeMs, size, ino } = statSync(path);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    if (known?.stamp === stamp) return false;
    const { groups, problems } = parseRules(readFileSync(path, 'utf8'), path);
    const isGood = problems.length === 0;
    if (!isGood) {
      const [first] = problems;
      log.warn('rule file not taken', { file: path, problem: first && formatProblem(first) });
    }
    files.set(path, { stamp, problems, groups: isGood ? groups : (known?.groups ?? []) });
    return true;
  }

  function readFiles(): boolean {
    const there = filesByTenant(folder, firstTenant);
    let changed = false;
    for (const path of files.keys()) {
      if (!there.has(path)) changed = files.delete(path) || changed;
    }
    for (const path of there.keys()) changed = readFile(path) || changed;
    if (!changed) return false;
    fileSets = [...there].flatMap(([path, tenantId]) =>
      (files.get(path)?.groups ?? []).map((group) =>
        toRuleSet(tenantId, deps.withDisabled ? group : enabledOnly(group), defaults),
      ),
    );
    return true;
  }

  async function readApi(): Promise<boolean> {
    const rules = await deps.apiRules();
    const text = JSON.stringify(rules);
    if (text === apiText) return false;
    apiText = text;
    apiSets = apiRuleSets(rules, defaults, (rule, problem) =>
      log.warn('rule not taken', { rule: rule.id, ...problem }),
    );
    return true;
  }

  return {
    all: () => [...fileSets, ...apiSets],
    problems: () => [...files.values()].flatMap(({ problems }) => problems),
    async reload() {
      let changed = false;
      try {
        changed = readFiles();
      } catch (error) {
        log.warn('rule files not read', { folder, error: messageOf(error) });
      }
      return (await readApi()) || changed;
    },
  };
}

function enabledOnly(group: RuleGroup): RuleGroup {
  return { ...group, rules: group.rules.filter((rule) => rule.kind === 'record' || rule.enabled) };
}

/** Paths with the tenants whose rules they hold. */
function filesByTenant(folder: string, firstTenant: string): Map<string, string> {
  const found = new Map(listRuleFiles(folder).map((path) => [path, firstTenant]));
  const tenants = join(folder, 'tenants');
  const names = readdirSync(folder).includes('tenants') ? readdirSync(tenants) : [];
  for (const tenantId of names) {
    for (const path of listRuleFiles(join(tenants, tenantId))) found.set(path, tenantId);
  }
  return found;
}

function apiRuleSets(
  rules: readonly ApiRule[],
  defaults: SetDefaults,
  onProblem: (rule: ApiRule, problem: FieldProblem | undefined) => void,
): RuleSet[] {
  const groups = new Map<string, { tenantId: string; group: RuleGroup }>();
  for (const rule of rules) {
    const parsed = parseApiRule(rule.id, rule.spec);
    if (!parsed.ok) {
      onProblem(rule, parsed.problems[0]);
      continue;
    }
    const name = String(bucketOf(rule.id));
    const key = `${rule.tenantId} ${name}`;
    const before = groups.get(key)?.group.rules ?? [];
    const terms = { intervalMs: undefined, limit: 0, queryOffsetMs: undefined };
    const group = { file: apiFile, name, ...terms, rules: [...before, parsed.rule] };
    groups.set(key, { tenantId: rule.tenantId, group });
  }
  return [...groups.values()].map(({ tenantId, group }) => toRuleSet(tenantId, group, defaults));
}

function bucketOf(id: string): number {
  let hash = 0;
  for (const byte of Buffer.from(id)) hash = (Math.imul(hash, 31) + byte) >>> 0;
  return hash % apiGroups;
}
