import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { database, type Rows } from '../../support/alerts.ts';
import { queue } from '../../support/outbox.ts';
import { startReceiver, type Receiver } from '../../support/receiver.ts';
import { startSmtp, type SmtpServer } from '../../support/smtp.ts';
import {
  postJson,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../../support/stage.ts';
import { createPostgres, type Postgres } from '../../../src/storage/postgres/index.ts';
import { createMeters, silentLogger } from '../../../src/platform/index.ts';

const stage = new Stage();
let product: Product;
let rows: Rows;
let postgres: Postgres;
let receiver: Receiver;
let smtp: SmtpServer;

beforeAll(async () => {
  receiver = await startReceiver(stage);
  smtp = await startSmtp(stage);
  product = await startProduct(stage, await startStorage(stage), {
    GAUGEWAY_RULES_DIR: stage.directory(),
    GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true',
    GAUGEWAY_SMTP_URL: smtp.url,
    GAUGEWAY_NOTIFY_BACKOFF: '50ms',
    GAUGEWAY_NOTIFY_RESEND_INTERVAL: '1s',
    GAUGEWAY_NOTIFY_GROUP_WAIT: '0s',
  });
  rows = await database(stage, product);
  postgres = createPostgres({
    ...{ url: product.postgres.url, poolSize: 2, log: silentLogger, meters: createMeters() },
  });
  stage.onEnd(() => postgres.close());
}, 120_000);

afterAll(() => stage.end());

async function call(method: string, path: string, body?: object, authorization?: string) {
  const answer = await fetch(product.url + path, {
    method,
    headers: {
      'content-type': 'application/json',
      authorization: authorization ?? product.adminToken,
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  };
}

describe('channels', () => {
  it('are made, shown without secrets, changed, tried out and removed, all of it audited', async () => {
    const made = await call('POST', '/api/v1/channels', {
      ...{ name: 'ops', kind: 'webhook', target: `${receiver.url}/T0/secret-path` },
      ...{ secret: 'whsec_c2VjcmV0', is_default: true },
    });
    expect(made).toMatchObject({ status: 201, body: { has_secret: true, is_default: true } });
    const asReader = await call(
      'GET',
      '/api/v1/channels/ops',
      undefined,
      `Bearer ${product.readKey}`,
    );
    expect(asReader.body['target']).toBe(`${receiver.url}/***`);
    expect(JSON.stringify([made, asReader])).not.toContain('whsec');

    const trial = await call('POST', '/api/v1/channels/ops/test');
    expect(trial.body).toMatchObject({ sent: true, status: 200, answer: 'ok' });
    expect(receiver.posts.at(-1)?.headers['webhook-signature']).toMatch(/^v1,/);

    const moved = await call('PATCH', '/api/v1/channels/ops', { target: 'https://other.example/' });
    expect(moved.body).toMatchObject({ has_secret: false, target: 'https://other.example/' });
    expect((await call('DELETE', '/api/v1/channels/ops')).status).toBe(204);
    expect((await call('GET', '/api/v1/channels/ops')).status).toBe(404);
    const actions = await rows(
      `SELECT action FROM audit_log WHERE target = 'channel:ops' ORDER BY id`,
    );
    expect(actions.map(({ action }) => action)).toEqual([
      ...['channel_created', 'channel_tested', 'channel_updated', 'channel_deleted'],
    ]);
  });

  it.each([
    { name: 'a:b', kind: 'webhook', target: 'https://x.example/' },
    { name: 'test', kind: 'webhook', target: 'https://x.example/' },
    { name: 'ok', kind: 'webhook', target: 'file:///etc/passwd' },
    { name: 'ok', kind: 'email', target: 'a@b\r\nBcc: c@d' },
    { name: 'ok', kind: 'email', target: 'nobody' },
    { name: 'ok', kind: 'pager', target: 'https://x.example/' },
    { name: 'ok', kind: 'webhook', target: 'https://x.example/', secret: 'a\r\nb' },
  ])('are refused: $kind $target as $name', async (body) => {
    expect((await call('POST', '/api/v1/channels', body)).status).toBe(400);
  });

  it('are tried out before they are saved, with what the receiver said', async () => {
    smtp.refuse({ recipient: '550 no such user' });
    const body = { kind: 'email', target: 'none@example.com' };
    const trial = await call('POST', '/api/v1/channels/test', body);
    expect(trial.body).toMatchObject({ sent: false, status: 550, answer: '550 no such user' });
    smtp.refuse(undefined);
  });
});

describe('a message that was given up', () => {
  it('is in the trail with its reason and is sent again when somebody wants it', async () => {
    receiver.answer = (res) => {
      res.statusCode = 404;
      res.end('gone');
    };
    const channel = `webhook:${receiver.url}/dead`;
    const [incident] = await queue(postgres, [{ channel }]);
    const trail = async () =>
      (await call('GET', `/api/v1/deliveries?incident_id=${incident}`)).body['deliveries'] as {
        id: string;
        status: string;
        reason: string;
        trail: unknown[];
      }[];
    await until('it is dead', async () => (await trail())[0]?.status === 'dead');
    const [delivery] = await trail();
    expect(delivery).toMatchObject({
      ...{ reason: 'refused', channel },
      trail: [{ attempt: 1, outcome: 'dead', status: 404, answer: 'gone', alerts: 1 }],
    });
    receiver.answer = (res) => void res.end('ok');
    const path = `/api/v1/deliveries/${delivery?.id}/resend`;
    expect((await call('POST', path)).status).toBe(202);
    await until('it is sent', async () => (await trail())[0]?.status === 'sent');
    expect((await trail())[0]?.trail).toHaveLength(2);
    expect((await call('POST', path)).status).toBe(409);
  });
});

describe('an acknowledge link', () => {
  const linkOf = async (): Promise<[string, string]> => {
    const before = smtp.mails.length;
    const [incident] = await queue(postgres, [{ channel: 'email:ops@example.com' }]);
    await until('the mail is there', () => Promise.resolve(smtp.mails.length > before));
    const source = smtp.mails.at(-1)!.source.replaceAll('=\r\n', '').replaceAll('=3D', '=');
    const link = /http:\/\/127[^\s"]+\/a\/[\w.-]+/.exec(source)?.[0];
    return [link ?? '', incident ?? ''];
  };
  const ackOf = async (id: string) =>
    (await rows('SELECT ack_by, ack_comment FROM incidents WHERE id = $1', [id]))[0];

  it('acknowledges by its button and not when it is looked at', async () => {
    const [link, incident] = await linkOf();
    const page = await fetch(link);
    expect(page.status).toBe(200);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('x-robots-tag')).toContain('noindex');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).toContain('<button>Acknowledge</button>');
    expect((await fetch(link, { method: 'HEAD' })).status).toBe(200);
    expect(await ackOf(incident)).toMatchObject({ ack_by: null });

    const nameless = await fetch(link, {
      method: 'POST',
      body: new URLSearchParams({ name: ' ' }),
    });
    expect(nameless.status).toBe(400);
    const form = new URLSearchParams({ name: '<b>Ann</b>', comment: 'on it' });
    const done = await fetch(link, { method: 'POST', body: form });
    const text = await done.text();
    expect(text).toContain('Acknowledged</b> by &lt;b&gt;Ann&lt;/b&gt;');
    expect(text).not.toContain('<button>');
    expect(await ackOf(incident)).toEqual({ ack_by: '<b>Ann</b>', ack_comment: 'on it' });

    await fetch(link, { method: 'POST', body: new URLSearchParams({ name: 'Bob' }) });
    expect(await ackOf(incident)).toMatchObject({ ack_by: '<b>Ann</b>' });
    const events = await rows('SELECT kind, actor FROM incident_events WHERE incident_id = $1', [
      incident,
    ]);
    expect(events).toEqual([{ kind: 'acknowledged', actor: '<b>Ann</b>' }]);
    const audit = await rows('SELECT action FROM audit_log WHERE target = $1', [
      `incident:${incident}`,
    ]);
    expect(audit).toEqual([{ action: 'alert_acknowledged' }]);
  });

  it('says that the alert is over, and changes nothing of it', async () => {
    const [link, incident] = await linkOf();
    await rows('UPDATE incidents SET closed_at_ms = opened_at_ms + 1 WHERE id = $1', [incident]);
    const page = await fetch(link, { method: 'POST', body: new URLSearchParams({ name: 'Ann' }) });
    expect(await page.text()).toContain('Resolved</b>');
    expect(await ackOf(incident)).toMatchObject({ ack_by: null });
  });

  it('is good for nothing once it was touched', async () => {
    const [link, incident] = await linkOf();
    const at = link.lastIndexOf('/') + 6;
    const other = link[at] === 'A' ? 'B' : 'A';
    for (const bad of [link.slice(0, at) + other + link.slice(at + 1), link.slice(0, -3)]) {
      const form = new URLSearchParams({ name: 'Ann' });
      expect((await fetch(bad, { method: 'POST', body: form })).status).toBe(404);
    }
    expect(await ackOf(incident)).toMatchObject({ ack_by: null });
  });
});

describe('an Alertmanager', () => {
  it('is told again and again what fires on', async () => {
    const manager = await startReceiver(stage);
    await queue(postgres, [{ channel: `alertmanager:${manager.url}` }]);
    await until('it was told three times', () => Promise.resolve(manager.posts.length >= 3));
    const ends = manager.posts.map(
      ({ body }) => (JSON.parse(body) as [{ endsAt: string }])[0].endsAt,
    );
    expect([...ends].sort()).toEqual(ends);
    expect(manager.posts[0]?.path).toBe('/api/v2/alerts');
    await rows('UPDATE incidents SET closed_at_ms = 1');
  });
});

describe('a worker that is killed', () => {
  it('between sending and noting it sends once more under the same key', async () => {
    const before = receiver.posts.length;
    let killed: Promise<void> | undefined;
    receiver.answer = (res) => {
      killed ??= product.kill('SIGKILL');
      res.end();
    };
    const channel = `webhook:${receiver.url}/killed`;
    await queue(postgres, [{ channel }]);
    await until('it is gone', () => Promise.resolve(!product.isRunning));
    await rows(
      `UPDATE deliveries SET locked_until = clock_timestamp() - interval '1 s' WHERE status = 'sending'`,
    );
    receiver.answer = (res) => void res.end('ok');
    await product.restart();
    await until('it is marked', async () => {
      const [row] = await rows(`SELECT status FROM deliveries WHERE channel = $1`, [channel]);
      return row?.['status'] === 'sent';
    });
    const keys = receiver.posts.slice(before).map(({ headers }) => headers['idempotency-key']);
    expect(keys.length).toBeGreaterThanOrEqual(2);
    expect(new Set(keys).size).toBe(1);
    await postJson(
      `${product.url}/api/v1/channels/test`,
      { kind: 'webhook', target: receiver.url },
      product.adminToken,
    );
  });
});
