import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/alerts/index.ts';
import { caller, type Call } from '../support/rest.ts';
import {
  freePort,
  launch,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';

const run = promisify(execFile);
const stage = new Stage();
let product: Product;
let everything: Call;
let amtool: (...args: string[]) => Promise<string>;

interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  fingerprint: string;
  receivers: { name: string }[];
  status: { state: string; silencedBy: string[]; mutedBy: string[] };
}

const alertsOf = async (query = ''): Promise<Alert[]> => {
  const { body } = await everything('GET', `/alertmanager/api/v2/alerts${query}`);
  return body as unknown as Alert[];
};

const named = async (name: string) =>
  (await alertsOf()).find(({ labels }) => labels['alertname'] === name);

beforeAll(async () => {
  product = await startProduct(stage, await startStorage(stage), {
    GAUGEWAY_RULES_DIR: stage.directory(),
  });
  const key = await product.makeKey({ name: 'on call', scopes: ['read', 'write', 'admin'] });
  everything = caller(product, `Bearer ${key}`);
  const config = join(stage.directory(), 'amtool-http.yml');
  writeFileSync(config, `basic_auth:\n  username: anyone\n  password: ${key}\n`);
  const url = `--alertmanager.url=${product.url}/alertmanager`;
  amtool = async (...args) =>
    (await run('amtool', [url, `--http.config.file=${config}`, ...args])).stdout;
}, 120_000);

afterAll(() => stage.end());

describe('amtool', () => {
  it('adds an alert and shows it', async () => {
    await amtool('alert', 'add', 'alertname=Typed', 'team=infra', '--annotation=summary=by hand');
    const [alert] = JSON.parse(await amtool('alert', 'query', 'team=infra', '-o', 'json')) as [
      Alert,
    ];
    expect(alert).toMatchObject({
      labels: { alertname: 'Typed', team: 'infra' },
      annotations: { summary: 'by hand' },
      status: { state: 'active' },
      fingerprint: fingerprint(new Map(Object.entries({ alertname: 'Typed', team: 'infra' }))),
    });
    expect(await amtool('alert', 'query', 'team=other')).not.toContain('Typed');
    expect(await amtool('alert', 'query', 'team=~"inf.*"')).toContain('Typed');
  });

  it('silences it, shows the silence, and expires it', async () => {
    const made = await amtool('silence', 'add', '--comment=upgrade', '--duration=1h', 'team=infra');
    const id = made.trim();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await amtool('silence', 'query')).toContain('upgrade');
    expect(await amtool('alert', 'query', 'team=infra')).not.toContain('Typed');
    expect(await amtool('alert', 'query', '--silenced', 'team=infra')).toContain('Typed');
    expect((await named('Typed'))?.status).toMatchObject({ state: 'suppressed', silencedBy: [id] });

    await amtool('silence', 'update', '--comment=longer', '--duration=2h', id);
    await amtool('silence', 'expire', id);
    expect(await amtool('silence', 'query')).not.toContain('upgrade');
    expect(await amtool('silence', 'query', '--expired', '--within=1h')).toContain('longer');
    expect(await amtool('alert', 'query', 'team=infra')).toContain('Typed');
  });

  it('reads state and configuration', async () => {
    expect(await amtool('cluster', 'show')).toContain('ready');
    expect(await amtool('config', 'show')).toContain('receiver: default');
  });

  it('hears in its own words what is wrong', async () => {
    const tooLong = amtool('silence', 'add', '--comment=x', '--duration=9000h', 'a=b');
    await expect(tooLong).rejects.toThrow(/a silence lasts 92 days at most/);
    await expect(amtool('silence', 'expire', crypto.randomUUID())).rejects.toThrow();
  });
});

describe('a Prometheus that has this server as its Alertmanager', () => {
  it('brings its alerts here, and their end', async () => {
    const key = await product.makeKey({ name: 'prometheus', scopes: ['write'] });
    const folder = stage.directory();
    const rules = (expr: string) => `
groups:
  - name: g
    interval: 1s
    rules:
      - alert: FromPrometheus
        expr: ${expr}
        labels: {severity: page}
        annotations: {summary: 'from {{ $externalLabels.dc }}'}
`;
    writeFileSync(join(folder, 'rules.yml'), rules('vector(1)'));
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `
global: {evaluation_interval: 1s, external_labels: {dc: eu}}
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - path_prefix: /alertmanager
      basic_auth: {username: any, password: ${key}}
      static_configs: [{targets: ['${new URL(product.url).host}']}]
`,
    );
    const url = `http://127.0.0.1:${String(await freePort())}`;
    const prometheus = await launch(stage, { url, health: '/-/ready' }, 'prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${new URL(url).host}`,
      '--rules.alert.resend-delay=1s',
      '--log.level=error',
    ]);
    await until('its alert is here', async () => (await named('FromPrometheus')) !== undefined);
    const alert = await named('FromPrometheus');
    expect(alert).toMatchObject({
      labels: { alertname: 'FromPrometheus', dc: 'eu', severity: 'page' },
      annotations: { summary: 'from eu' },
    });
    expect(await amtool('alert', 'query', 'dc=eu')).toContain('FromPrometheus');
    const startsAt = alert?.startsAt;
    await until('it is posted again', async () => {
      const again = await named('FromPrometheus');
      return again !== undefined && again.endsAt > (alert?.endsAt ?? '');
    });
    expect((await named('FromPrometheus'))?.startsAt).toBe(startsAt);

    await until('it is an event', async () => {
      const { body } = await everything('GET', '/api/v1/alerts/events?severity=page&state=firing');
      return (body['total'] as number) === 1;
    });
    const events = await everything('GET', '/api/v1/alerts/events?severity=page');
    const [event] = events.body['alerts'] as { id: string }[];
    await everything('POST', `/api/v1/alerts/events/${event?.id ?? ''}/acknowledge`, {});
    expect((await named('FromPrometheus'))?.status).toMatchObject({
      ...{ state: 'suppressed', mutedBy: ['ack:on call'], silencedBy: [] },
    });

    writeFileSync(join(folder, 'rules.yml'), rules('vector(1) < 0'));
    process.kill(prometheus.pid, 'SIGHUP');
    await until('it is gone', async () => (await named('FromPrometheus')) === undefined);
    await until('the event is over', async () => {
      const { body } = await everything('GET', '/api/v1/alerts/events?severity=page');
      return (body['alerts'] as { state: string }[])[0]?.state === 'resolved';
    });
  });
});

describe('the API of Alertmanager', () => {
  const post = (alerts: unknown) => everything('POST', '/api/v2/alerts', alerts);

  it('sorts by fingerprint, has times in milliseconds, and groups', async () => {
    const names = ['B', 'A', 'C'].map((one) => ({ labels: { alertname: one, set: 'sorted' } }));
    expect((await post(names)).status).toBe(200);
    const alerts = await alertsOf('?filter=set="sorted"');
    const prints = alerts.map((alert) => alert.fingerprint);
    expect(prints).toEqual([...prints].sort());
    expect(alerts[0]?.startsAt).toMatch(/\.\d{3}Z$/);
    const { body } = await everything('GET', '/api/v2/alerts/groups?filter=set="sorted"');
    expect(body).toMatchObject([
      { labels: { alertname: 'A' }, receiver: { name: 'default' }, alerts: [{}] },
      ...[{ labels: { alertname: 'B' } }, { labels: { alertname: 'C' } }],
    ]);
    const receivers = await everything('GET', '/api/v2/receivers');
    expect(receivers.body).toEqual([{ name: 'default' }]);
  });

  it('merges what is posted again: the earliest start, the youngest end', async () => {
    const labels = { alertname: 'Again' };
    const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
    const first = { labels, startsAt: at(-10), endsAt: at(10) };
    const second = { labels, startsAt: at(-5), endsAt: at(30), annotations: { a: 'b' } };
    await post([first]);
    await post([second]);
    const merged = (await alertsOf('?filter=alertname=Again'))[0];
    expect(merged).toMatchObject({ startsAt: first.startsAt, endsAt: second.endsAt });
    expect(merged?.annotations).toEqual({ a: 'b' });
    const zero = '0001-01-01T00:00:00.000Z';
    await post([{ labels, startsAt: zero, endsAt: at(-1) }]);
    expect(await alertsOf('?filter=alertname=Again')).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['no labels', [{ labels: {} }]],
    ['labels that are empty', [{ labels: { a: '' } }]],
    [
      'an end before its start',
      [{ labels: { a: 'b' }, startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' }],
    ],
    ['a time that is none', [{ labels: { a: 'b' }, startsAt: 'soon' }]],
    ['an object', {}],
    ['a label that is a number', [{ labels: { a: 1 } }]],
  ])('refuses an alert with %s by a text as JSON', async (_what, alerts) => {
    const answer = await post(alerts);
    expect(answer.status).toBe(400);
    expect(typeof answer.body).toBe('string');
  });

  it('is not for every key', async () => {
    const reader = caller(product, `Bearer ${product.readKey}`);
    const writer = caller(product, `Bearer ${product.writeKey}`);
    expect((await reader('POST', '/api/v2/alerts', [])).status).toBe(403);
    expect((await reader('POST', '/api/v2/silences', {})).status).toBe(403);
    expect((await writer('GET', '/api/v2/alerts')).status).toBe(403);
    const bound = await product.makeKey({ name: 'b', scopes: ['write'], host_id: 'h1' });
    expect((await caller(product, `Bearer ${bound}`)('POST', '/api/v2/alerts', [])).status).toBe(
      403,
    );
    const metrics = await fetch(`${product.url}/alertmanager/metrics`, {
      headers: { authorization: `Bearer ${product.readKey}` },
    });
    expect(await metrics.text()).toContain('alertmanager_build_info{version="0.27.0"} 1');
  });
});
