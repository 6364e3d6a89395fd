import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { database, send, type Rows } from '../../support/alerts.ts';
import { ask } from '../../support/scraped.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../../support/stage.ts';

const rules = `
interval: 1s
rules:
  - id: hot
    name: CPU Hot
    expression: cpu.utilization > 90
    duration: 2s
    severity: critical
    channels: ['webhook:http://127.0.0.1:9/none']
`;

const chained = `
groups:
  - name: chained
    interval: 1s
    rules:
      - record: fleet:hot:count
        expr: count(cpu_utilization > 90)
      - alert: ManyHot
        expr: fleet:hot:count > 0
        annotations: {summary: '{{ $value }} hot'}
`;

const stage = new Stage();
let product: Product;
let rows: Rows;
let folder: string;

const hot = (value: number) =>
  send(product, [{ labels: { __name__: 'cpu_utilization', host_id: 'web-1' }, value }]);

async function metric(name: string): Promise<number> {
  const headers = { authorization: `Bearer ${product.readKey}` };
  const text = await (await fetch(`${product.url}/metrics`, { headers })).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

const incidents = () =>
  rows(`SELECT * FROM incidents WHERE rule_key = 'hot' ORDER BY opened_at_ms`);

beforeAll(async () => {
  folder = stage.directory();
  writeFileSync(join(folder, 'hot.yaml'), rules);
  writeFileSync(join(folder, 'chained.yaml'), chained);
  product = await startProduct(stage, await startStorage(stage), {
    GAUGEWAY_RULES_DIR: folder,
    GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true',
    GAUGEWAY_ALERTS_MAX_ROWS: '50',
  });
  rows = await database(stage, product);
}, 60_000);

afterAll(() => stage.end());

describe('a ruler over real storage and a real database', () => {
  it('goes from a breach to pending, firing and a message, and back', async () => {
    await hot(97);
    await until('it fires', async () => (await incidents()).length === 1);
    const [incident] = await incidents();
    expect(incident).toMatchObject({
      ...{ rule_name: 'CPU Hot', host_id: 'web-1', severity: 'critical', told: 'firing' },
      labels: { alertname: 'CPU Hot', host_id: 'web-1', severity: 'critical' },
      value: 97,
    });
    const [delivery] = await rows('SELECT * FROM deliveries');
    expect(delivery).toMatchObject({ kind: 'firing', channel: 'webhook:http://127.0.0.1:9/none' });

    await hot(20);
    await until('it is resolved', async () => (await incidents())[0]?.['closed_at_ms'] !== null);
    const events = await rows(
      'SELECT kind FROM incident_events WHERE incident_id = $1 ORDER BY id',
      [incident?.['id']],
    );
    expect(events.map(({ kind }) => kind)).toEqual(['firing', 'queued', 'resolved', 'queued']);
  });

  it('lets a rule see what the one before it recorded in the same cycle, and shows ALERTS', async () => {
    await hot(95);
    await until('the chained rule fires', async () => {
      const { result } = await ask(product, '/api/v1/query', {
        query: 'ALERTS{alertname="ManyHot",alertstate="firing"}',
      });
      return result.length === 1;
    });
    const recorded = await ask(product, '/api/v1/query', { query: 'fleet:hot:count' });
    expect(recorded.result[0]?.value[1]).toBe('1');
  });

  it('takes alerts that others posted, and ends them at their end', async () => {
    await rows(
      `INSERT INTO received_alerts VALUES ('default', 'abc', '{"alertname":"Posted","host_id":"db-1"}', '{}', $1, $2, $1, 'http://prometheus/graph')`,
      [Date.now() - 60_000, Date.now() + 4_000],
    );
    const posted = () => rows(`SELECT * FROM incidents WHERE rule_name = 'Posted'`);
    await until('it fires', async () => (await posted()).length === 1);
    expect((await posted())[0]).toMatchObject({
      ...{ host_id: 'db-1', generator_url: 'http://prometheus/graph' },
    });
    await until('it ended', async () => (await posted())[0]?.['closed_at_ms'] !== null);
  });

  it('keeps the good rules where a file breaks, and ends what fired when a rule goes', async () => {
    await hot(99);
    const open = async () => (await incidents()).filter((row) => row['closed_at_ms'] === null);
    await until('it fires', async () => (await open()).length === 1);
    writeFileSync(join(folder, 'hot.yaml'), `${rules}    nonsense: 1\n`);
    await until('the mistake is seen', async () => (await metric('gaugeway_ruler_problems')) > 0);
    expect(await open()).toHaveLength(1);

    writeFileSync(join(folder, 'hot.yaml'), 'interval: 1s\nrules: []\n');
    await until('it is resolved', async () => (await open()).length === 0);
    const events = await rows(
      `SELECT detail FROM incident_events WHERE kind = 'resolved' ORDER BY id DESC LIMIT 1`,
    );
    expect(events).toEqual([{ detail: { reason: 'rule-removed' } }]);
  });

  it('refuses a rule that comes to too many rows, and evaluates the others of its group', async () => {
    const points = Array.from({ length: 60 }, (_, i) => ({
      ...{ labels: { __name__: 'cpu_load1', host_id: `many-${i}` }, value: 5 },
    }));
    await send(product, points);
    writeFileSync(
      join(folder, 'wide.yaml'),
      `groups:
  - name: wide
    interval: 1s
    rules:
      - {alert: Wide, expr: cpu_load1 > 1}
      - {alert: Narrow, expr: 'cpu_load1{host_id="many-1"} > 1'}
`,
    );
    const named = (name: string) => rows('SELECT 1 FROM incidents WHERE rule_name = $1', [name]);
    await until('the narrow one fires', async () => (await named('Narrow')).length === 1);
    const [group] = await rows(`SELECT health FROM rule_groups WHERE key = 'wide.yaml;wide'`);
    const health = Object.values(group?.['health'] as Record<string, Record<string, string>>);
    const of = (name: string) => health.find((one) => one['name'] === name);
    expect(of('Narrow')).toMatchObject({ health: 'ok' });
    expect(of('Wide')).toMatchObject({
      ...{ health: 'err', error: '60 rows, more than the 50 of one rule' },
    });
    expect(await named('Wide')).toEqual([]);
  });

  it('ends what fired when a whole file goes, and forgets its group', async () => {
    await hot(99);
    writeFileSync(join(folder, 'going.yaml'), rules.replace('id: hot', 'id: going'));
    const of = () => rows(`SELECT closed_at_ms FROM incidents WHERE rule_key = 'going'`);
    await until('it fires', async () => (await of()).length === 1);
    rmSync(join(folder, 'going.yaml'));
    const group = () => rows(`SELECT 1 FROM rule_groups WHERE key LIKE 'going.yaml;%'`);
    await until('the group is gone', async () => (await group()).length === 0, 90_000);
    expect((await of())[0]?.['closed_at_ms']).not.toBeNull();
    expect(await rows(`SELECT 1 FROM alert_instances WHERE rule_key = 'going'`)).toEqual([]);
  }, 120_000);

  it('takes a group up again whose row somebody took away', async () => {
    const of = () =>
      rows(`SELECT last_slot_ms FROM rule_groups WHERE key = 'chained.yaml;chained'`);
    await until('it is evaluated', async () => (await of())[0]?.['last_slot_ms'] != null);
    await rows(`DELETE FROM rule_groups WHERE key = 'chained.yaml;chained'`);
    await until('it is evaluated again', async () => (await of())[0]?.['last_slot_ms'] != null);
  });
});
