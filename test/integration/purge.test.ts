import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createMeters, silentLogger } from '../../src/platform/index.ts';
import {
  createPurgedCounter,
  createRowPurge,
  rowKinds,
  type RowKind,
} from '../../src/purge/index.ts';
import { createLeases, createPurgeStore, migrateUp } from '../../src/storage/postgres/index.ts';
import { migrations, startDatabase, type TestDatabase } from '../support/access.ts';
import { fillAsPrevious } from '../support/previous-release.ts';

const day = 86_400_000;
/** Some hours after the rows were made. */
const madeMs = Date.parse('2026-11-24T00:00:00Z');
const keptMs = Object.fromEntries(rowKinds.map((kind) => [kind, 30 * day])) as Record<
  RowKind,
  number
>;
let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase({ migrated: false });
  await fillAsPrevious(database.postgres, database.server.url);
  await migrateUp(database.postgres, { directory: migrations });
  const { knex } = database.postgres;
  const over = { is_current: false, closed_at_ms: madeMs };
  await knex('incidents').where({ rule_name: 'Posted' }).update(over);
  const of = { tenant_id: 'default' };
  await knex('tenant_usage').insert({ ...of, hour: new Date(madeMs) });
  await knex('rulers').insert({ holder: 'gone', beat_at: new Date(madeMs) });
  // One that is renewed for ever has tokens that are over.
  const renewed = await knex('sessions').first<{ id: string }>('id');
  await knex('sessions')
    .where({ id: renewed.id })
    .update({ expires_at: new Date(madeMs + 1_000 * day) });
  const [repeat] = (await knex('deliveries').where({ status: 'sent' })) as { id: string }[];
  await knex('deliveries').where({ id: repeat?.id }).update({ kind: 'repeat' });
  await knex('api_keys')
    .where({ name: 'doc' })
    .update({ revoked_at: new Date(madeMs) });
}, 60_000);

afterAll(() => database.stop());

/** Two processes, of which one may; what both counted, by kind. */
async function purgeAt(nowMs: number): Promise<Record<string, number>> {
  const { knex } = database.postgres;
  let looked = 0;
  const purges = ['a', 'b'].map((holder) => {
    const meters = createMeters();
    const leases = createLeases(knex, `${holder}-${String(nowMs)}`);
    const purge = createRowPurge({
      store: createPurgeStore(knex),
      async isMine() {
        const isMine = (await leases.acquire(`purge-${String(nowMs)}`, 600_000)) !== undefined;
        looked += 1;
        return isMine;
      },
      clock: { nowMs: () => nowMs, monotonicMs: () => performance.now() },
      ...{ keptMs, everyMs: 3_600_000, purged: createPurgedCounter(meters), log: silentLogger },
    });
    purge.start();
    return { purge, meters };
  });
  await vi.waitFor(() => expect(looked).toBe(2), 30_000);
  // A stop waits for the turn that runs.
  for (const { purge } of purges) await purge.stop();
  const counted: Record<string, number> = {};
  for (const { meters } of purges) {
    const metric = await meters.registry.getSingleMetric('gaugeway_purged_total')!.get();
    for (const { labels, value } of metric.values) {
      const kind = String(labels['kind']);
      counted[kind] = (counted[kind] ?? 0) + value;
    }
  }
  return counted;
}

const count = async (table: string, where: object = {}): Promise<number> =>
  Number((await database.postgres.knex(table).where(where).count())[0]?.['count']);

/** Tables that no purge looks at, with what bounds them; a new table is purged or has its reason here. */
const bounded: Readonly<Record<string, string>> = {
  agent_defaults: 'one a tenant',
  agent_overrides: 'one a host',
  agent_status: 'one a host',
  agents: 'one a host',
  alert_instances: 'removed at the evaluation after their end',
  changes: 'one a tenant and topic',
  channels: 'made by people',
  deliveries: 'with their alert; repeated ones by themselves',
  downsample_marks: 'one a tenant and tier',
  downsample_slices: 'by the downsampler, with raw samples',
  exemplars: 'trimmed at insertion',
  hosts: 'a budget of the tenant',
  storage_accounts: 'one a tenant',
  incident_events: 'with their alert',
  leases: 'one a kind of work',
  metric_metadata: 'a budget of the tenant',
  migrations: 'one a migration',
  migrations_lock: 'one',
  rate_windows: 'by the minute',
  received_alerts: 'a bound of the tenant',
  report_schedules: 'made by people',
  rule_evaluations: 'a ring',
  rule_groups: 'one a group of rules',
  rules: 'made by people',
  silences: 'a year after their end, at the next',
  tenant_deletions: 'the record that a tenant is gone',
  tenants: 'made by people',
  users: 'made by people',
  whitelist_overrides: 'made by people',
};
const purged = [
  ...['api_keys', 'agent_tokens', 'audit_log', 'delivery_attempts', 'ha_leaders', 'incidents'],
  ...['ingest_rejections', 'password_resets', 'refresh_tokens', 'removed_hosts', 'report_runs'],
  ...['rulers', 'sessions', 'tenant_usage'],
];

describe('the purge of rows', () => {
  it('looks at every table that nothing else bounds', async () => {
    const { rows } = await database.postgres.knex.raw<{ rows: { name: string }[] }>(
      "select tablename as name from pg_tables where schemaname = 'public'",
    );
    const known = [...Object.keys(bounded), ...purged];
    expect(rows.map(({ name }) => name).sort()).toEqual(known.sort());
  });

  it('removes nothing before its time', async () => {
    const counted = await purgeAt(madeMs + 29 * day);
    expect(Object.keys(counted).sort()).toEqual([...rowKinds].sort());
    expect(Object.values(counted).reduce((sum, rows) => sum + rows)).toBe(0);
  });

  it('removes what is over of every kind, counted once, and keeps what is in force', async () => {
    const before = {
      audit: await count('audit_log'),
      users: await count('users'),
      keys: await count('api_keys'),
      current: await count('incidents', { is_current: true }),
    };
    const counted = await purgeAt(madeMs + 100 * day);
    for (const kind of rowKinds) expect([kind, counted[kind]]).not.toEqual([kind, 0]);
    expect(counted).toMatchObject({ audit: before.audit, alert: 1, api_key: 1, report_run: 1 });
    for (const table of ['audit_log', 'refresh_tokens', 'removed_hosts', 'rulers']) {
      expect([table, await count(table)]).toEqual([table, 0]);
    }
    expect(await count('sessions')).toBe(1);
    expect(await count('users')).toBe(before.users);
    expect(await count('api_keys')).toBe(before.keys - 1);
    expect(await count('incidents')).toBe(before.current);
    for (const table of ['hosts', 'rules', 'channels', 'silences', 'report_schedules']) {
      expect([table, (await count(table)) > 0]).toEqual([table, true]);
    }
  });

  it('with an alert its timeline and messages go, and those of others stay', async () => {
    const { knex } = database.postgres;
    const stray = await knex('incident_events').whereNotIn(
      'incident_id',
      knex('incidents').select('id'),
    );
    expect(stray).toEqual([]);
    expect(await count('incident_events')).toBeGreaterThan(0);
    expect(await count('deliveries')).toBeGreaterThan(0);
  });
});
