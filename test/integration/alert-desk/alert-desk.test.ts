import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { database, send, type Rows } from '../../support/alerts.ts';
import { caller, listOf, person, type Call } from '../../support/rest.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../../support/stage.ts';

const files = {
  'hot.yaml': `
interval: 1s
rules:
  - id: rule-001
    name: CPU Hot
    expression: cpu.utilization > 90
    duration: 1s
    scope: role=web
    severity: critical
    channels: ['webhook:http://127.0.0.1:9/services/secret']
  - id: rule-off
    name: Off
    expression: cpu.utilization > 1
    enabled: false
`,
  'prometheus.yaml': `
groups:
  - name: g
    interval: 1s
    rules:
      - {record: hosts:count, expr: count(cpu_utilization)}
      - {alert: Waiting, expr: cpu_utilization > 90, for: 1h, labels: {team: infra}}
`,
  'bad.yaml': 'rules:\n  - id: x\n    name: X\n    expression: cpu.utilization >\n',
};

const stage = new Stage();
let product: Product;
let rows: Rows;
let admin: Call;
let operator: Call;
let viewer: Call;

const cpu = (host: string, value: number) =>
  send(product, [{ labels: { __name__: 'cpu_utilization', host_id: host, role: 'web' }, value }]);

beforeAll(async () => {
  const folder = stage.directory();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  product = await startProduct(stage, await startStorage(stage), {
    GAUGEWAY_RULES_DIR: folder,
    GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true',
    GAUGEWAY_ALERTS_INTERVAL: '1s',
  });
  rows = await database(stage, product);
  admin = caller(product, product.adminToken);
  operator = await person(product, 'Operator');
  viewer = await person(product, 'Viewer');
}, 60_000);

afterAll(() => stage.end());

describe('rules', () => {
  it('of files are listed as the requirement prints them, and are read-only', async () => {
    const rule = await admin('GET', '/api/v1/alerts/rules/rule-001');
    expect(rule.body).toMatchObject({
      ...{ id: 'rule-001', name: 'CPU Hot', expression: 'cpu.utilization > 90', duration: '1s' },
      ...{ scope: { tags: { role: 'web' } }, enabled: true, source: 'file', file: 'hot.yaml' },
      channels: ['webhook:http://127.0.0.1:9/services/secret'],
      ...{ severity: 'critical', promql: 'cpu_utilization{role="web"} > 90', problems: [] },
    });
    const names = listOf(await admin('GET', '/api/v1/alerts/rules'), 'rules');
    expect(names.map(({ name }) => name)).toEqual(['CPU Hot', 'Off', 'Waiting']);
    for (const method of ['PATCH', 'DELETE']) {
      const refused = await admin(method, '/api/v1/alerts/rules/rule-001', {});
      expect(refused).toMatchObject({
        status: 409,
        body: { error: { code: 'CONFLICT', details: { reason: 'read-only', file: 'hot.yaml' } } },
      });
    }
  });

  it("do not show the secret in a channel's URL to people who may not set it", async () => {
    const { body } = await viewer('GET', '/api/v1/alerts/rules/rule-001');
    expect(body['channels']).toEqual(['webhook:http://127.0.0.1:9/…']);
  });

  it('tell what is wrong with a file that is not in force', async () => {
    const { body } = await viewer('GET', '/api/v1/alerts/rules/problems');
    expect(body).toMatchObject({ total: 1, problems: [{ file: 'bad.yaml', line: 4 }] });
  });

  it('are made, changed by their version, switched off and deleted, and each change is on record', async () => {
    const spec = {
      ...{ name: 'GPU Saturated', expression: 'gpu.utilization > 85', duration: '5m' },
      ...{ scope: { tags: { gpu: 'true' } }, channels: ['email:ops@example.com'] },
    };
    const made = await admin('POST', '/api/v1/alerts/rules', spec);
    expect(made).toMatchObject({ status: 201, body: { status: 'created', version: 1 } });
    const path = `/api/v1/alerts/rules/${String(made.body['id'])}`;
    const shown = await admin('GET', path);
    expect(shown.body).toMatchObject({ ...spec, enabled: true, source: 'api', version: 1 });
    expect(shown.headers.get('etag')).toBe('"1"');

    const change = { duration: '10m', channels: null };
    const changed = await admin('PATCH', path, change, { 'if-match': '"1"' });
    expect(changed).toMatchObject({ status: 200, body: { duration: '10m', channels: [] } });
    const stale = await admin('PATCH', path, { duration: '1m' }, { 'if-match': '"1"' });
    expect(stale).toMatchObject({ status: 409, body: { error: { details: { reason: 'stale' } } } });
    const off = await admin('PATCH', path, { enabled: false });
    expect(off.body).toMatchObject({ enabled: false, state: 'disabled', version: 3 });
    expect(await admin('DELETE', path)).toMatchObject({ status: 200, body: { status: 'deleted' } });
    expect((await admin('GET', path)).status).toBe(404);

    const written = await rows(
      `SELECT action, details FROM audit_log WHERE target LIKE 'rule:%' ORDER BY id`,
    );
    expect(written.map(({ action }) => action)).toEqual([
      ...['rule_created', 'rule_updated', 'rule_updated', 'rule_deleted'],
    ]);
    expect(written[1]?.['details']).toMatchObject({
      before: { duration: '5m' },
      after: { duration: '10m', version: 2 },
    });
  });

  it('with a mistake are refused at the field, with the spot', async () => {
    const spec = { name: 'x', expression: 'cpu.utilization > 90 AND' };
    const refused = await admin('POST', '/api/v1/alerts/rules', spec);
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({
      error: {
        code: 'BAD_REQUEST',
        details: { problems: [{ field: 'expression', excerpt: expect.stringContaining('^') }] },
      },
    });
  });

  it('in PromQL made here are evaluated', async () => {
    const made = await admin('POST', '/api/v1/alerts/rules', {
      ...{ name: 'Any', promql: 'cpu_utilization > 0', for: '0s', labels: { team: 'api' } },
    });
    const id = String(made.body['id']);
    await cpu('api-1', 5);
    await until('it fires', async () => {
      const { body } = await admin('GET', `/api/v1/alerts/events?rule_id=${id}`);
      return (body['total'] as number) > 0;
    });
    const { body } = await admin('GET', '/api/v1/rules?rule_group[]=api');
    expect(body['data']).toMatchObject({
      groups: [{ name: 'api', file: 'api', interval: 1, rules: [{ name: 'Any', health: 'ok' }] }],
    });
    await admin('DELETE', `/api/v1/alerts/rules/${id}`);
    await until('its alerts end with it', async () => {
      const { body } = await admin('GET', `/api/v1/alerts/events?rule_id=${id}&state=resolved`);
      return (body['total'] as number) > 0;
    });
  });
});

describe('alert events', () => {
  const firing = async () => {
    await cpu('web-1', 97);
    await until('the rule fires', async () => {
      const open = await viewer('GET', '/api/v1/alerts/events?host_id=web-1&rule_id=rule-001');
      return ['firing', 'acknowledged'].includes(String(listOf(open, 'alerts')[0]?.['state']));
    });
    const found = await viewer('GET', '/api/v1/alerts/events?host_id=web-1&rule_id=rule-001');
    return listOf(found, 'alerts')[0]!;
  };

  it('are told as the requirement prints them, with their timeline and messages', async () => {
    const event = await firing();
    expect(event).toMatchObject({
      ...{ rule_name: 'CPU Hot', host_id: 'web-1', state: 'firing', severity: 'critical' },
      ...{ rule_id: 'rule-001', ended_at: null, acknowledged_by: null },
    });
    const { body } = await viewer('GET', `/api/v1/alerts/events/${String(event['id'])}`);
    expect(listOf({ body } as never, 'timeline').map(({ kind }) => kind)).toContain('firing');
    expect(listOf({ body } as never, 'deliveries')[0]).toMatchObject({
      channel: 'webhook:http://127.0.0.1:9/…',
    });
  });

  it.each([
    ['severity=critical', 1],
    ['severity=warning', 0],
    ['match=host_id%3D~%22web-.*%22', 1],
    ['match=host_id%3D~%22db-.*%22', 0],
    ['match=host_id%3D%22web-1%22&match=severity!%3D%22critical%22', 0],
    ['state=acknowledged', 0],
    [`since=${new Date(Date.now() + 3_600_000).toISOString()}`, 0],
  ])('are found by %s', async (query, count) => {
    const path = `/api/v1/alerts/events?rule_id=rule-001&host_id=web-1&${query}`;
    expect((await viewer('GET', path)).body['total']).toBe(count);
  });

  it('are acknowledged by who asks, whatever the body says, and given back', async () => {
    const event = await firing();
    const path = `/api/v1/alerts/events/${String(event['id'])}/acknowledge`;
    expect((await viewer('POST', path, {})).status).toBe(403);
    const body = { user: 'somebody@example.com', comment: 'on it' };
    for (let again = 0; again < 2; again++) {
      expect(await operator('POST', path, body)).toMatchObject({
        status: 200,
        body: { status: 'acknowledged', acknowledged_by: 'operator@example.com' },
      });
    }
    const shown = await viewer('GET', path.replace('/acknowledge', ''));
    expect(shown.body).toMatchObject({ state: 'acknowledged', comment: 'on it' });
    const kinds = listOf(shown, 'timeline').map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'acknowledged')).toHaveLength(1);
    expect((await operator('DELETE', path)).body['status']).toBe('unacknowledged');
    expect((await operator('DELETE', path)).body['status']).toBe('unchanged');
    const expired = await operator('POST', path, { expires_at: '2020-01-01T00:00:00Z' });
    expect(expired.status).toBe(400);
  });

  it('are acknowledged by matchers, many at once', async () => {
    await firing();
    const bulk = '/api/v1/alerts/events/acknowledge';
    const answer = await operator('POST', bulk, { match: ['host_id="web-1"'], comment: 'all' });
    expect(answer.body).toMatchObject({ status: 'acknowledged', acknowledged: 1 });
    const ids = [crypto.randomUUID(), 'nonsense'];
    expect((await operator('POST', bulk, { ids })).body).toMatchObject({
      acknowledged: 0,
      results: [{ reason: 'unknown' }, { reason: 'unknown' }],
    });
    expect((await operator('POST', bulk, {})).status).toBe(400);
  });

  it('that are over cannot be acknowledged', async () => {
    const event = await firing();
    await cpu('web-1', 10);
    const path = `/api/v1/alerts/events/${String(event['id'])}`;
    await until('it is resolved', async () => {
      return (await viewer('GET', path)).body['state'] === 'resolved';
    });
    expect((await operator('POST', `${path}/acknowledge`, {})).status).toBe(409);
  });
});

describe('silences', () => {
  it('hold back what they match until they end, and always end', async () => {
    const before = await operator('POST', '/api/v1/silences', {
      ...{ matchers: ['host_id="web-2"'], comment: 'upgrade', kind: 'maintenance' },
      duration_seconds: 3600,
    });
    expect(before).toMatchObject({
      status: 201,
      body: { state: 'active', created_by: 'operator@example.com', kind: 'maintenance' },
    });
    await cpu('web-2', 99);
    await until('it is held back', async () => {
      const found = await rows(
        `SELECT detail FROM incident_events e JOIN incidents i ON i.id = e.incident_id
         WHERE i.host_id = 'web-2' AND e.kind = 'held'`,
      );
      return JSON.stringify(found).includes(String(before.body['id']));
    });
    const preview = await viewer('POST', '/api/v1/silences/preview', {
      matchers: [{ name: 'host_id', value: 'web-.*', isRegex: true }],
    });
    expect(listOf(preview, 'alerts').map((alert) => alert['host_id'])).toContain('web-2');
    const path = `/api/v1/silences/${String(before.body['id'])}`;
    expect((await operator('DELETE', path)).body).toEqual({ status: 'expired' });
    expect((await viewer('GET', path)).body['state']).toBe('expired');
    const endless = { matchers: ['a=b'], comment: 'x', ends_at: '2999-01-01T00:00:00Z' };
    expect((await operator('POST', '/api/v1/silences', endless)).status).toBe(400);
    const all = { matchers: ['a=~".*"'], comment: 'x', duration_seconds: 60 };
    expect((await operator('POST', '/api/v1/silences', all)).status).toBe(400);
  });
});

describe('explain', () => {
  const explain = async (id: string, labels = '') =>
    (await viewer('GET', `/api/v1/alerts/rules/${id}/explain?labels=${labels}`)).body;
  const reasonsOf = (body: Record<string, unknown>) =>
    (body['reasons'] as { reason: string }[]).map(({ reason }) => reason);

  it('says that the value is below the threshold, and how far', async () => {
    await cpu('web-3', 88.5);
    await until('the value is seen', async () => {
      const body = await explain('rule-001', 'host_id%3D%22web-3%22');
      return JSON.stringify(body['comparisons']).includes('88.5');
    });
    const body = await explain('rule-001', 'host_id%3D%22web-3%22');
    expect(reasonsOf(body), JSON.stringify(body['group'])).toEqual(['below-threshold']);
    expect(body['comparisons']).toMatchObject([
      { operator: '>', threshold: 90, series: 1, values: [{ value: 88.5, holds: false }] },
    ]);
    expect((body['evaluations'] as unknown[]).length).toBeGreaterThan(0);
  });

  it('says that no series is there, that a rule is off, that an alert waits', async () => {
    expect(reasonsOf(await explain('rule-001', 'host_id%3D%22nobody%22'))).toEqual(['no-series']);
    expect(reasonsOf(await explain('rule-off', 'host_id%3D%22nobody%22'))).toContain('disabled');
    const rules = listOf(await viewer('GET', '/api/v1/alerts/rules'), 'rules');
    const waiting = String(rules.find(({ name }) => name === 'Waiting')?.['id']);
    await cpu('web-4', 95);
    const host = 'host_id%3D%22web-4%22';
    await until('it waits', async () =>
      reasonsOf(await explain(waiting, host)).includes('pending'),
    );
    const { alerts } = await explain(waiting, host);
    expect(JSON.stringify(alerts)).toMatch(/pending \d+\w* of 1h/);
  });
});

describe('preview', () => {
  it('runs a rule over stored history: episodes, messages and the noisiest hosts', async () => {
    const minute = 60_000;
    const endMs = Math.floor(Date.now() / minute) * minute;
    const values = [10, 95, 95, 10, 10, 95, 95, 10, 10, 10];
    for (const [i, value] of values.entries()) {
      const timestampMs = endMs - (values.length - i) * minute;
      const labels = { __name__: 'cpu_utilization', host_id: 'past-1', role: 'old' };
      await send(product, [{ labels, value, timestampMs }]);
    }
    const question = {
      rule: {
        ...{ name: 'Past', expression: 'cpu.utilization > 90', duration: '1m' },
        ...{ scope: { tags: { role: 'old' } }, cooldown: '10m' },
      },
      ...{ start: new Date(endMs - 11 * minute).toISOString(), step: '1m' },
      end: new Date(endMs - minute).toISOString(),
    };
    await until('the history is there', async () => {
      const { body } = await viewer('POST', '/api/v1/alerts/rules/preview', question);
      return body['fired'] === 2;
    });
    const { body } = await viewer('POST', '/api/v1/alerts/rules/preview', question);
    // The second firing comes within the cooldown of the first message: held back, and over before it ends.
    expect(body).toMatchObject({
      ...{ evaluations: 11, total: 2, fired: 2 },
      notifications: { firing: 1, refired: 0, repeat: 0, resolved: 1 },
      noisiest_hosts: [{ host_id: 'past-1', fired: 2, notifications: 2 }],
    });
  });

  it('refuses what would cost too much', async () => {
    const rule = { name: 'x', promql: 'up > 0' };
    const question = { rule, range: '7d', step: '1s' };
    expect((await viewer('POST', '/api/v1/alerts/rules/preview', question)).status).toBe(400);
  });
});

describe("Prometheus's shape", () => {
  it('has groups with their rules and alerts, by the arguments of Prometheus', async () => {
    const groups = async (query: string) => {
      const { body } = await viewer('GET', `/api/v1/rules?${query}`);
      return (body['data'] as { groups: { name: string; rules: object[] }[] }).groups;
    };
    const all = await groups('');
    expect(all.map(({ name }) => name)).toEqual(['hot', 'g']);
    expect((await groups('type=record'))[0]?.rules).toMatchObject([
      { name: 'hosts:count', query: 'count(cpu_utilization)', type: 'recording', health: 'ok' },
    ]);
    const [waiting] = await groups('rule_name[]=Waiting');
    expect(waiting?.rules).toMatchObject([
      {
        ...{ state: 'pending', name: 'Waiting', duration: 3600, keepFiringFor: 0, health: 'ok' },
        ...{ labels: { team: 'infra' }, type: 'alerting' },
        alerts: expect.arrayContaining([
          expect.objectContaining({ state: 'pending', value: '9.5e+01' }),
        ]),
      },
    ]);
    expect(await groups('match[]={team="infra"}')).toHaveLength(1);
    expect(await groups('file[]=none')).toEqual([]);
    const page = await viewer('GET', '/api/v1/rules?group_limit=1');
    const { groupNextToken } = page.body['data'] as { groupNextToken: string };
    const rest = await groups(`group_limit=1&group_next_token=${groupNextToken}`);
    expect(rest.map(({ name }) => name)).toEqual(['g']);
    for (const bad of ['type=x', 'group_next_token=abc', 'group_limit=0', 'exclude_alerts=ja']) {
      expect((await viewer('GET', `/api/v1/rules?${bad}`)).status, bad).toBe(400);
    }
    const alerts = await viewer('GET', '/api/v1/alerts');
    expect(JSON.stringify(alerts.body)).toContain('"alertname":"Waiting"');
  });
});
