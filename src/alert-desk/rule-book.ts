import { randomBytes } from 'node:crypto';
import type { Actor, AuditAction, AuditEntry } from '../access/index.ts';
import type { Clock } from '../platform/index.ts';
import type { KeyedRule } from '../ruler/index.ts';
import {
  parseApiRule,
  type AlertingRule,
  type FieldProblem,
  type Problem,
  type RuleSpec,
} from '../rules/index.ts';
import type {
  EvaluationStore,
  FileGroup,
  FileRules,
  GroupStatus,
  RuleHealth,
  RuleStore,
  StoredRule,
} from './ports.ts';

/** A rule and how it is. */
export interface RuleEntry {
  id: string;
  source: 'file' | 'api';
  name: string;
  /** Undefined where a stored rule no longer parses. */
  rule: AlertingRule | undefined;
  enabled: boolean;
  /** Of a rule of a file. */
  group: FileGroup | undefined;
  /** Of a rule made by API. */
  stored: StoredRule | undefined;
  problems: readonly FieldProblem[];
  health: RuleHealth | undefined;
  alerts: { pending: number; firing: number };
}

export type RuleRefusal =
  | { ok: false; reason: 'invalid'; problems: readonly FieldProblem[] }
  /** Another one changed it meanwhile. */
  | { ok: false; reason: 'stale' }
  | { ok: false; reason: 'read-only'; file: string }
  | { ok: false; reason: 'too-many'; most: number }
  | { ok: false; reason: 'unknown' };

export type RuleOutcome = { ok: true; rule: StoredRule } | RuleRefusal;

/** What is changed of a rule; `undefined` in the spec removes a field. */
export interface RulePatch {
  spec: RuleSpec;
  enabled?: boolean | undefined;
  /** Only that version is changed. */
  version?: number | undefined;
}

/** The rules of a tenant: those of files, which only files change, and those made by API. */
export interface RuleBook {
  list(tenantId: string): Promise<RuleEntry[]>;
  get(tenantId: string, id: string): Promise<RuleEntry | undefined>;
  /** What is wrong with rule files that are not in force. */
  problems(tenantId: string): readonly Problem[];
  add(tenantId: string, spec: RuleSpec, enabled: boolean, by: Actor): Promise<RuleOutcome>;
  change(tenantId: string, id: string, patch: RulePatch, by: Actor): Promise<RuleOutcome>;
  remove(
    tenantId: string,
    id: string,
    version: number | undefined,
    by: Actor,
  ): Promise<RuleOutcome>;
}

interface Deps {
  store: RuleStore;
  evaluations: EvaluationStore;
  files: FileRules;
  clock: Clock;
}

/** Of one tenant, by API. */
const mostRules = 5_000;

export function createRuleBook(deps: Deps): RuleBook {
  return { ...reading(deps), ...changing(deps) };
}

function reading({ store, evaluations, files }: Deps): Pick<RuleBook, 'list' | 'get' | 'problems'> {
  const list = async (tenantId: string): Promise<RuleEntry[]> => {
    const [stored, groups, counts] = await Promise.all([
      store.list(tenantId),
      evaluations.groups(tenantId),
      evaluations.counts(tenantId),
    ]);
    const found = [
      ...fileEntries(files.groups(tenantId)).flatMap(fromFile),
      ...stored.map(fromApi),
    ];
    const health = healthByRule(groups);
    return found.map((entry) => ({
      ...entry,
      health: health.get(entry.id),
      alerts: counts.get(entry.id) ?? entry.alerts,
    }));
  };
  return {
    list,
    get: async (tenantId, id) => (await list(tenantId)).find((entry) => entry.id === id),
    problems: (tenantId) => files.problems(tenantId),
  };
}

function changing({ store, files, clock }: Deps): Pick<RuleBook, 'add' | 'change' | 'remove'> {
  const audited = (
    action: AuditAction,
    tenantId: string,
    id: string,
    more: { by: Actor; details: Readonly<Record<string, unknown>> },
  ): AuditEntry => ({
    ...{ actor: more.by, tenantId, action, target: `rule:${id}` },
    ...{ atMs: clock.nowMs(), details: more.details },
  });
  return {
    async add(tenantId, spec, enabled, by) {
      const id = `rule-${randomBytes(6).toString('hex')}`;
      const parsed = parseApiRule(id, spec, enabled);
      if (!parsed.ok) return { ok: false, reason: 'invalid', problems: parsed.problems };
      const atMs = clock.nowMs();
      const rule: StoredRule = {
        ...{ id, name: parsed.rule.name, spec: definedOf(spec), enabled, version: 1 },
        ...{ createdAtMs: atMs, createdBy: by.name, updatedAtMs: atMs, updatedBy: by.name },
      };
      const details = { after: shown(rule) };
      const audit = audited('rule_created', tenantId, id, { by, details });
      const isAdded = await store.add(tenantId, rule, mostRules, audit);
      return isAdded ? { ok: true, rule } : { ok: false, reason: 'too-many', most: mostRules };
    },
    async change(tenantId, id, patch, by) {
      const found = await targetOf({ store, files }, tenantId, id, patch.version);
      if (!found.ok) return found;
      const { rule: before } = found;
      const spec = definedOf({ ...before.spec, ...patch.spec });
      const enabled = patch.enabled ?? before.enabled;
      const parsed = parseApiRule(id, spec, enabled);
      if (!parsed.ok) return { ok: false, reason: 'invalid', problems: parsed.problems };
      const after: StoredRule = {
        ...{ ...before, name: parsed.rule.name, spec, enabled, version: before.version + 1 },
        ...{ updatedAtMs: clock.nowMs(), updatedBy: by.name },
      };
      const details = { before: shown(before), after: shown(after) };
      const audit = audited('rule_updated', tenantId, id, { by, details });
      const isDone = await store.change(tenantId, after, before.version, audit);
      return isDone ? { ok: true, rule: after } : { ok: false, reason: 'stale' };
    },
    async remove(tenantId, id, version, by) {
      const found = await targetOf({ store, files }, tenantId, id, version);
      if (!found.ok) return found;
      const details = { before: shown(found.rule) };
      const audit = audited('rule_deleted', tenantId, id, { by, details });
      const isDone = await store.remove(tenantId, id, found.rule.version, audit);
      return isDone ? found : { ok: false, reason: 'stale' };
    },
  };
}

/** The rule that a change is about, where it may be changed. */
async function targetOf(
  { store, files }: Pick<Deps, 'store' | 'files'>,
  tenantId: string,
  id: string,
  version: number | undefined,
): Promise<RuleOutcome> {
  const rule = await store.find(tenantId, id);
  if (rule === undefined) {
    const file = fileEntries(files.groups(tenantId)).find(({ key }) => key === id)?.group.file;
    return file === undefined
      ? { ok: false, reason: 'unknown' }
      : { ok: false, reason: 'read-only', file };
  }
  const isStale = version !== undefined && version !== rule.version;
  return isStale ? { ok: false, reason: 'stale' } : { ok: true, rule };
}

const shown = ({ spec, enabled, version }: StoredRule) => ({ ...spec, enabled, version });

/** Fields that were set to null are gone. */
function definedOf(spec: RuleSpec): RuleSpec {
  return Object.fromEntries(
    Object.entries(spec).filter(([, value]) => value !== null && value !== undefined),
  );
}

interface FileEntry extends KeyedRule {
  group: FileGroup;
}

const fileEntries = (groups: readonly FileGroup[]): FileEntry[] =>
  groups.flatMap((group) => group.rules.map((keyed) => ({ ...keyed, group })));

const unseen = { health: undefined, alerts: { pending: 0, firing: 0 } };

/** Recording rules are no alert rules: they are listed at `/api/v1/rules`. */
function fromFile({ key, rule, group }: FileEntry): RuleEntry[] {
  if (rule.kind === 'record') return [];
  const { name, enabled } = rule;
  return [
    {
      ...{ id: key, source: 'file', name, rule, enabled, group },
      ...{ stored: undefined, problems: [], ...unseen },
    },
  ];
}

function fromApi(stored: StoredRule): RuleEntry {
  const { id, spec, enabled, name } = stored;
  const parsed = parseApiRule(id, spec, enabled);
  return {
    ...{ id, source: 'api', name, enabled, group: undefined, stored, ...unseen },
    ...(parsed.ok
      ? { rule: parsed.rule, problems: [] }
      : { rule: undefined, problems: parsed.problems }),
  };
}

/** As rulers have it; nothing of a rule that no longer parses. */
export function fromStored({ id, spec, enabled }: StoredRule): KeyedRule[] {
  const parsed = parseApiRule(id, spec, enabled);
  return parsed.ok ? [{ key: id, rule: parsed.rule }] : [];
}

function healthByRule(groups: readonly GroupStatus[]): Map<string, RuleHealth> {
  return new Map(groups.flatMap(({ health }) => Object.entries(health)));
}
