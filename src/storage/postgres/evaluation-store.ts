import type { Knex } from 'knex';
import type {
  EvaluationStore,
  GroupStatus,
  RuleHealth,
  StoredAlert,
  StoredDecision,
} from '../../alert-desk/index.ts';
import { withUnavailable } from './unavailable.ts';

interface GroupRow {
  key: string;
  interval_ms: string;
  next_slot_ms: string;
  last_slot_ms: string | null;
  lease_owner: string | null;
  is_leased: boolean | null;
  missed: string;
  duration_ms: number | null;
  health: Record<string, RuleHealth>;
}

interface AlertRow {
  group_key: string;
  rule_key: string;
  fingerprint: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  value: number;
  state: StoredAlert['state'];
  active_at_ms: string;
  fired_at_ms: string | null;
  resolved_at_ms: string | null;
  keep_firing_since_ms: string | null;
}

interface EvaluationRow {
  slot_ms: string;
  duration_ms: number;
  error: string | null;
  is_partial: boolean;
  rows: number;
  decisions: StoredDecision[];
}

/** Answers of one tenant's alerts are cut here; nobody reads more at once. */
const mostAlerts = 20_000;

const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));

export function createEvaluationStore(knex: Knex): EvaluationStore {
  return withUnavailable<EvaluationStore>({
    async groups(tenantId) {
      const rows = await knex('rule_groups')
        .where({ tenant_id: tenantId })
        .orderBy('key')
        .select<GroupRow[]>('*', knex.raw('lease_until > clock_timestamp() as is_leased'));
      return rows.map(toGroup);
    },
    async alerts(tenantId, ruleKey) {
      const rows = await knex('alert_instances')
        .where({ tenant_id: tenantId, ...(ruleKey === undefined ? {} : { rule_key: ruleKey }) })
        .whereIn('state', ['pending', 'firing'])
        .orderBy(['group_key', 'rule_key', 'fingerprint'])
        .limit(mostAlerts)
        .select<AlertRow[]>('*');
      return rows.map(toAlert);
    },
    async counts(tenantId) {
      const rows = await knex('alert_instances')
        .where({ tenant_id: tenantId })
        .whereIn('state', ['pending', 'firing'])
        .groupBy('rule_key')
        .select<{ rule_key: string; pending: string; firing: string }[]>(
          'rule_key',
          knex.raw("count(*) filter (where state = 'pending') as pending"),
          knex.raw("count(*) filter (where state = 'firing') as firing"),
        );
      return new Map(
        rows.map(({ rule_key: key, pending, firing }) => [
          key,
          { pending: Number(pending), firing: Number(firing) },
        ]),
      );
    },
    async evaluations(tenantId, ruleKey, untilMs) {
      const rows = await knex('rule_evaluations')
        .where({ tenant_id: tenantId, rule_key: ruleKey })
        .where('slot_ms', '<=', untilMs)
        .orderBy('slot_ms', 'desc')
        .limit(100)
        .select<EvaluationRow[]>('*');
      return rows.map((row) => ({
        ...{ atMs: Number(row.slot_ms), durationMs: row.duration_ms, error: row.error },
        ...{ isPartial: row.is_partial, rows: row.rows, decisions: row.decisions },
      }));
    },
  });
}

function toGroup(row: GroupRow): GroupStatus {
  return {
    ...{ key: row.key, intervalMs: Number(row.interval_ms), missed: Number(row.missed) },
    ...{ nextSlotMs: Number(row.next_slot_ms), lastSlotMs: numberOrNull(row.last_slot_ms) },
    ...{ leaseOwner: row.lease_owner, isLeased: row.is_leased ?? false },
    ...{ durationMs: row.duration_ms, health: row.health },
  };
}

function toAlert(row: AlertRow): StoredAlert {
  return {
    ...{ groupKey: row.group_key, ruleKey: row.rule_key, fingerprint: row.fingerprint },
    ...{ labels: row.labels, annotations: row.annotations, value: row.value, state: row.state },
    ...{ activeAtMs: Number(row.active_at_ms), firedAtMs: numberOrNull(row.fired_at_ms) },
    resolvedAtMs: numberOrNull(row.resolved_at_ms),
    keepFiringSinceMs: numberOrNull(row.keep_firing_since_ms),
  };
}
