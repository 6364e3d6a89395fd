import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Line } from '../../support/agent.ts';
import { database, send, type Rows } from '../../support/alerts.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../../support/stage.ts';

const groups = 12;
const host = 'web-1';

/** As many groups as make two rulers share them, each with one alert of its own. */
const rules = `groups:\n${Array.from(
  { length: groups },
  (_, i) => `  - name: g${i}
    interval: 1s
    rules:
      - alert: Hot${i}
        expr: cpu_utilization > ${90 + i / 100}
        labels: {severity: critical}
`,
).join('')}`;

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => stage.end());

interface Rulers {
  first: Product;
  second: Product;
  rows: Rows;
  /** Of storage as the rulers see it. */
  line: Line;
  hot: (value: number) => Promise<void>;
}

async function twoRulers(): Promise<Rulers> {
  const folder = stage.directory();
  writeFileSync(join(folder, 'many.yaml'), rules);
  const storage = await startStorage(stage);
  const line = await Line.to(stage, storage.url);
  const env = { GAUGEWAY_RULES_DIR: folder, GAUGEWAY_ALERTS_LEASE_TTL: '2s' };
  const throughLine = { ...storage, url: line.url };
  const first = await startProduct(stage, throughLine, env);
  const second = await startProduct(stage, throughLine, {
    ...env,
    GAUGEWAY_ROLES: 'ruler,api',
    GAUGEWAY_DATABASE_URL: first.postgres.url,
  });
  const rows = await database(stage, first);
  const direct = await startProduct(stage, storage, {
    GAUGEWAY_DATABASE_URL: first.postgres.url,
    GAUGEWAY_ROLES: 'gateway,api',
  });
  const hot = (value: number) =>
    send(direct, [{ labels: { __name__: 'cpu_utilization', host_id: host }, value }]);
  await until('both rulers have groups', async () => (await owners(rows)).length === 2);
  return { first, second, rows, line, hot };
}

/** Process ids of those who hold all groups between them; empty while one is free. */
async function owners(rows: Rows): Promise<number[]> {
  const found = await rows(
    `SELECT lease_owner FROM rule_groups WHERE key LIKE 'many%' AND lease_until > now()`,
  );
  if (found.length < groups) return [];
  const pids = found.map(({ lease_owner: owner }) => Number(String(owner).split(':')[1]));
  return [...new Set(pids)];
}

const openCount = async (rows: Rows) =>
  (await rows(`SELECT 1 FROM incidents WHERE rule_name LIKE 'Hot%' AND closed_at_ms IS NULL`))
    .length;

/** The same change twice in an incident's timeline: what two rulers at once would leave. */
const doubled = (rows: Rows) =>
  rows(
    `SELECT incident_id, kind, lag(kind) OVER (PARTITION BY incident_id ORDER BY id) AS before
     FROM incident_events WHERE kind IN ('firing', 'resolved', 'reopened')`,
  ).then((events) => events.filter(({ kind, before }) => kind === before));

describe('two rulers over one database', () => {
  it('go on when one is killed: its groups move, nothing is lost and nothing doubled', async () => {
    const { first, second, rows, hot } = await twoRulers();
    await hot(95);
    await until('all fire', async () => (await openCount(rows)) === groups);
    await second.kill('SIGKILL');
    await until('the other has all', async () => (await owners(rows)).join() === String(first.pid));
    await hot(10);
    await until('all are resolved', async () => (await openCount(rows)) === 0);
    expect(await rows(`SELECT 1 FROM incidents WHERE rule_name LIKE 'Hot%'`)).toHaveLength(groups);
    expect(await doubled(rows)).toEqual([]);
  }, 120_000);

  it('refuse what a frozen one has to say when it wakes up', async () => {
    const { first, second, rows, hot } = await twoRulers();
    await hot(95);
    await until('all fire', async () => (await openCount(rows)) === groups);
    const epochs = () =>
      rows(`SELECT key, epoch FROM rule_groups WHERE key LIKE 'many%' ORDER BY key`);
    const before = await epochs();
    process.kill(second.pid, 'SIGSTOP');
    await until('the other has all', async () => (await owners(rows)).join() === String(first.pid));
    expect(await epochs()).not.toEqual(before);
    process.kill(second.pid, 'SIGCONT');
    await until('it shares again', async () => (await owners(rows)).length === 2);
    await hot(10);
    await until('all are resolved', async () => (await openCount(rows)) === 0);
    expect(await rows(`SELECT 1 FROM incidents WHERE rule_name LIKE 'Hot%'`)).toHaveLength(groups);
    expect(await doubled(rows)).toEqual([]);
  }, 120_000);

  it('resolve nothing while storage is away, and say so once', async () => {
    const { rows, line, hot } = await twoRulers();
    await hot(95);
    await until('all fire', async () => (await openCount(rows)) === groups);
    await line.refuse();
    const unreachable = () =>
      rows(`SELECT * FROM incidents WHERE rule_name = 'StorageUnreachable'`);
    await until('it is told', async () => (await unreachable()).length === 1);
    expect(await openCount(rows)).toBe(groups);
    await line.restore();
    await hot(95);
    await until('it is over', async () => (await unreachable())[0]?.['closed_at_ms'] !== null);
    expect(await openCount(rows)).toBe(groups);
    expect(await unreachable()).toHaveLength(1);
    expect(await rows(`SELECT 1 FROM incidents WHERE rule_name = 'RuleEvaluationFailing'`)).toEqual(
      [],
    );
    expect(await doubled(rows)).toEqual([]);
  }, 180_000);

  it('go on from what was stored when the database dies and comes back', async () => {
    const { first, rows: lost, hot } = await twoRulers();
    await hot(95);
    await until('all fire', async () => (await openCount(lost)) === groups);
    // The stage's database answers before its disk does: what the test counts on has to be there.
    const [{ at } = { at: '' }] = await lost('SELECT pg_current_wal_insert_lsn()::text AS at');
    await until('it is on disk', async () => {
      const [row] = await lost('SELECT pg_current_wal_flush_lsn() >= $1::pg_lsn AS is', [at]);
      return row?.['is'] === true;
    });
    process.kill(first.postgres.pid()!, 'SIGKILL');
    const ready = async () => (await fetch(`${first.url}/ready`)).status;
    await until('it says so', async () => (await ready()) === 503);
    await until('the database is back', async () => (await ready()) === 200);
    const rows = await database(stage, first);
    expect(await openCount(rows)).toBe(groups);
    await hot(10);
    await until('all are resolved', async () => (await openCount(rows)) === 0);
    expect(await rows(`SELECT 1 FROM incidents WHERE rule_name LIKE 'Hot%'`)).toHaveLength(groups);
    expect(await doubled(rows)).toEqual([]);
  }, 180_000);
});
