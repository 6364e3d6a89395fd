import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/platform/index.ts';
import { adminPassword, startInProcess } from '../support/in-process.ts';
import { Stage, startStorage, until } from '../support/stage.ts';

const stage = new Stage();
const lines: string[] = [];
/** Everything that must not be read in the log, by what it is. */
const secrets = new Map<string, string>([
  ['password of the first administrator', adminPassword],
  ['password of the mail server', 'the-password-of-the-mail-server'],
  ['signing key', Buffer.from('a signing key of at least 32 bytes').toString('base64url')],
]);
let url: string;

interface Answered {
  status: number;
  body: Record<string, unknown>;
  cookie: string;
}

async function call(
  method: string,
  path: string,
  options: { body?: unknown; raw?: string; authorization?: string } = {},
): Promise<Answered> {
  const { body, raw, authorization } = options;
  const answer = await fetch(url + path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(method === 'GET' ? {} : { body: raw ?? JSON.stringify(body ?? {}) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: answer.status,
    body: isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {},
    cookie: answer.headers.get('set-cookie') ?? '',
  };
}

function kept(what: string, secret: unknown): string {
  expect(secret, what).toBeTypeOf('string');
  const bare = String(secret).replace(/^Bearer /, '');
  expect(bare.length, what).toBeGreaterThan(8);
  secrets.set(what, bare);
  return bare;
}

async function login(email: string, password: string): Promise<string> {
  const { status, body, cookie } = await call('POST', '/api/v1/auth/login', {
    body: { email, password },
  });
  expect(status).toBe(200);
  const refresh = /gaugeway_refresh=([^;]+)/.exec(cookie)?.[1] ?? body['refresh_token'];
  kept(`refresh token of ${email}`, refresh);
  await call('POST', '/api/v1/auth/refresh', { body: { refresh_token: refresh } });
  return `Bearer ${kept(`access token of ${email}`, body['token'])}`;
}

async function walkPeople(admin: string): Promise<void> {
  const asAdmin = { authorization: admin };
  const password = kept('password of a new user', 'the-password-of-a-new-user');
  const email = 'new@example.com';
  const made = await call('POST', '/api/v1/users', {
    ...asAdmin,
    body: { email, password, role: 'Viewer' },
  });
  expect(made.status).toBe(201);
  const viewer = await login(email, password);
  const other = kept('changed password', 'the-changed-password-of-the-user');
  await call('PATCH', `/api/v1/users/${String(made.body['id'])}`, {
    ...asAdmin,
    body: { password: other },
  });
  await call('POST', '/api/v1/auth/login', { body: { email, password: 'x'.repeat(3) + other } });
  await call('POST', '/api/v1/auth/login', {
    raw: `{"email": "${email}", "password": "${kept('password in broken JSON', 'the-password-in-broken-json')}"`,
  });
  await call('POST', '/api/v1/auth/login', {
    body: { email: kept('password in the wrong field', 'the-password-in-the-wrong-field') },
  });
  await call('POST', '/api/v1/auth/logout', { authorization: viewer });
  const reset = `/api/v1/users/${String(made.body['id'])}/reset-password`;
  const token = kept('token of a reset', (await call('POST', reset, asAdmin)).body['reset_token']);
  const chosen = kept('password chosen with it', 'the-password-chosen-by-the-user');
  const spent = { body: { token, password: chosen } };
  expect((await call('POST', '/api/v1/auth/reset', spent)).status).toBe(200);
  await call('POST', '/api/v1/users/me/password', {
    authorization: await login(email, chosen),
    body: {
      current_password: chosen,
      new_password: kept('own new password', 'the-own-new-password-of-the-user'),
    },
  });
}

async function walkKeys(admin: string): Promise<void> {
  const asAdmin = { authorization: admin };
  const made = await call('POST', '/api/v1/keys', {
    ...asAdmin,
    body: { name: 'walker', scopes: ['read', 'write'] },
  });
  const key = kept('API key', made.body['key']);
  const rotated = await call('POST', `/api/v1/keys/${String(made.body['id'])}/rotate`, asAdmin);
  kept('rotated API key', rotated.body['key']);
  await call('GET', '/api/v1/hosts', { authorization: `Bearer ${key}` });
  await call('GET', `/api/v1/query?query=up&token=${key}`, { authorization: `Bearer ${key}` });
  await call('POST', '/api/v1/write', { authorization: `Bearer ${key}`, raw: 'no remote write' });
  const tampered = kept('key that does not exist', `${key.slice(0, -4)}AAAA`);
  await call('GET', '/api/v1/hosts', { authorization: `Bearer ${tampered}` });
  await call('GET', '/api/v1/hosts', {
    authorization: `Basic ${Buffer.from(`x:${tampered}`).toString('base64')}`,
  });
}

async function walkAgents(admin: string): Promise<void> {
  const made = await call('POST', '/api/v1/agents/tokens', { authorization: admin });
  const token = kept('enrolment token', made.body['token']);
  const enrolled = await call('POST', '/api/v1/agents/enroll', {
    authorization: `Bearer ${token}`,
    body: {
      ...{ hostname: 'walked', machine: 'a1'.repeat(32), boot_id: 'b-1', os: 'linux' },
      ...{ arch: 'x64', agent_version: '1.0.0' },
    },
  });
  const key = kept("an agent's key", enrolled.body['key']);
  await call('POST', '/api/v1/ingest/heartbeat', { authorization: `Bearer ${key}` });
}

async function walkExports(admin: string): Promise<void> {
  const made = await call('POST', '/api/v1/reports/export', {
    ...{ authorization: admin, body: { format: 'csv', table: 'hosts' } },
  });
  const link = new URL(String(made.body['download_url']));
  kept('signature of a download', link.searchParams.get('sig'));
  const fetched = await call('GET', link.pathname + link.search);
  expect(fetched.status).toBe(200);
}

async function walkMessages(admin: string): Promise<void> {
  const asAdmin = { authorization: admin };
  const hook = kept('path of a webhook', 'T0000secret/B0000secret/the-path-is-the-secret');
  const bodies = [
    { name: 'slack', kind: 'slack', target: `https://hooks.slack.com/services/${hook}` },
    {
      ...{ name: 'hook', kind: 'webhook', target: 'http://127.0.0.1:9/hook' },
      secret: kept('secret of a webhook', 'the-secret-that-signs-webhooks'),
      bearer_token: kept('bearer token of a webhook', 'the-bearer-token-of-a-webhook'),
    },
    { name: 'mail', kind: 'email', target: 'somebody@example.com' },
  ];
  for (const body of bodies) {
    const made = await call('POST', '/api/v1/channels', { ...asAdmin, body });
    expect([200, 201]).toContain(made.status);
  }
  for (const name of ['hook', 'mail']) await call('POST', `/api/v1/channels/${name}/test`, asAdmin);
  const link = kept('token of an acknowledge link', 'a-token-that-acknowledges-an-alert');
  await call('GET', `/a/${link}`);
  await call('POST', `/a/${link}`);
}

beforeAll(async () => {
  const storage = await startStorage(stage);
  const log = createLogger({
    ...{ service: 'gaugeway', level: 'debug', write: (line: string) => void lines.push(line) },
  });
  const product = await startInProcess(stage, storage, {
    log,
    env: {
      GAUGEWAY_SMTP_URL: 'smtp://mailer:the-password-of-the-mail-server@127.0.0.1:9',
      GAUGEWAY_SIGNING_KEY: secrets.get('signing key')!,
      GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true',
      GAUGEWAY_RATE_LIMITS_ADMIN_WRITES: '0',
      GAUGEWAY_RATE_LIMITS_LOGIN: '0',
    },
  });
  url = product.url;
  kept('password of the database', product.databasePassword);
  kept('password of storage', storage.env.GAUGEWAY_VICTORIA_RAW_PASSWORD);
  const admin = await login('admin@localhost', adminPassword);
  for (const walk of [walkPeople, walkKeys, walkAgents, walkExports, walkMessages])
    await walk(admin);
  await until('the last request is in the log', () =>
    Promise.resolve(lines.some((line) => line.includes('"path":"/a/:token"'))),
  );
}, 120_000);
afterAll(() => stage.end());

describe('the log at level debug, after a walk through everything that holds secrets', () => {
  it('has a line for each request, with its id', () => {
    const requests = lines.filter((line) => line.includes('"message":"request"'));
    expect(requests.length).toBeGreaterThan(20);
    expect(requests.filter((line) => !/"request_id":"[\w-]{8,}"/.test(line))).toEqual([]);
  });

  it('is JSON lines of one shape (PRP §14.2)', () => {
    for (const line of lines) {
      expect(JSON.parse(line)).toMatchObject({
        timestamp: expect.stringMatching(/Z$/) as unknown,
        level: expect.stringMatching(/^(?:DEBUG|INFO|WARN|ERROR)$/) as unknown,
        service: expect.any(String) as unknown,
        message: expect.any(String) as unknown,
      });
    }
  });

  it('holds none of the secrets', () => {
    const text = lines.join('\n');
    expect(secrets.size).toBeGreaterThan(18);
    expect(
      [...secrets].filter(([, secret]) => text.includes(secret)).map(([what]) => what),
    ).toEqual([]);
  });

  it('says by which trace a caller knows a request', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    await fetch(`${url}/health`, { headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
    await until('its line is there', () =>
      Promise.resolve(lines.some((line) => line.includes(`"trace_id":"${trace}"`))),
    );
  });
});
