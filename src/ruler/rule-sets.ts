import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, type Clock, type Logger } from '../platform/index.ts';
import {
  formatProblem,
  listRuleFiles,
  parseRules,
  type Problem,
  type RuleGroup,
} from '../rules/index.ts';
import { watchApiRules, type ApiRule } from './api-sets.ts';
import { watchInner, type InnerSources } from './inner-sets.ts';
import { toRuleSet, type RuleSet, type SetDefaults } from './rule-set.ts';

export interface RuleSetsDeps {
  /** Files directly in it are of the first tenant, those in `tenants/ID/` of that one. */
  folder: string;
  firstTenant: string;
  defaults: SetDefaults;
  /** Also those that are switched off: to be listed, not to be evaluated. */
  withDisabled?: boolean;
  /** Enabled ones of all tenants. */
  apiRules: () => Promise<readonly ApiRule[]>;
  /** None: only what files and the API have. */
  inner?: InnerSources;
  clock: Clock;
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

/** A file that is being written may be half there, and half a file would end alerts: it is read at the next look. */
const settlesMs = 1_000;

export function createRuleSets(deps: RuleSetsDeps): RuleSets {
  const { folder, firstTenant, defaults, clock, log } = deps;
  const files = new Map<string, KnownFile>();
  let fileSets: RuleSet[] = [];
  let unread = '';
  let apiSets: readonly RuleSet[] = [];
  let inner: readonly RuleSet[] = [];

  function readFile(path: string): boolean {
    const known = files.get(path);
    const { mtimeMs, size, ino } = statSync(path);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    if (known?.stamp === stamp) return false;
    if (known && clock.nowMs() - mtimeMs < settlesMs) return false;
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

  const readApi = watchApiRules(deps);
  const readInner = deps.inner ? watchInner(deps.inner) : () => Promise.resolve(inner);

  return {
    all: () => [...fileSets, ...apiSets, ...inner],
    problems: () => [...files.values()].flatMap(({ problems }) => problems),
    async reload() {
      let changed = false;
      try {
        changed = readFiles();
        unread = '';
      } catch (error) {
        // A folder that is not there is said once, not at every look.
        if (unread !== messageOf(error))
          log.warn('rule files not read', { error: messageOf(error) });
        unread = messageOf(error);
      }
      const before = [apiSets, inner];
      apiSets = await readApi();
      inner = await readInner();
      return changed || apiSets !== before[0] || inner !== before[1];
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
  for (const tenantId of foldersIn(tenants)) {
    for (const path of listRuleFiles(join(tenants, tenantId))) found.set(path, tenantId);
  }
  return found;
}

function foldersIn(path: string): string[] {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
