import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as requestTls } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticate, Principal } from '../../src/access/index.ts';
import { healthRoutes, type RawHandler, type Route } from '../../src/http/index.ts';
import { createLogger, createMeters, GaugewayError } from '../../src/platform/index.ts';
import { serve, type TestServer } from '../support/http.ts';

const reader: Principal = {
  kind: 'key',
  id: 'k',
  name: 'k',
  tenantId: 'default',
  scopes: ['read'],
};
const authenticate: Authenticate = (header) => {
  if (header === 'Bearer away') throw new GaugewayError('UNAVAILABLE', 'the database is away');
  if (header === 'Bearer foreign') return { ok: true, principal: { ...reader, tenantId: 'other' } };
  return header === 'Bearer good'
    ? { ok: true, principal: reader }
    : { ok: false, reason: header === undefined ? 'missing' : 'unknown' };
};
const good = { authorization: 'Bearer good' };

const row = {
  needs: 'read',
  errors: 'envelope',
  summary: '',
  spec: { tag: 'Test', answers: {} },
} as const;
const echo: Route['handle'] = ({ req, res }) => void res.json({ got: req.body as unknown });
const routes: Route[] = [
  { ...row, method: 'POST', path: '/echo', handle: echo },
  { ...row, method: 'GET', path: '/things/:id', handle: echo },
  {
    ...{ ...row, method: 'GET', path: '/bug', needs: 'public' },
    handle: () => Promise.reject(new Error('password is hunter2')),
  },
  {
    ...{ ...row, method: 'GET', path: '/half', needs: 'public' },
    handle({ res }) {
      res.write('half an answer');
      throw new Error('and no more');
    },
  },
  {
    ...{ ...row, method: 'GET', path: '/api/v1/query', errors: 'prometheus' },
    handle: () => Promise.reject(new GaugewayError('BAD_REQUEST', 'no')),
  },
  ...healthRoutes({
    checks: { db: () => Promise.resolve(true), storage: () => Promise.reject(new Error('down')) },
    meters: createMeters(),
  }),
];
const raw: RawHandler = {
  matches: (path) => path === '/raw',
  handle: (_req, res) => void res.end('raw'),
};

let server: TestServer;
const lines: string[] = [];
beforeAll(async () => {
  const log = createLogger({ service: 'test', level: 'debug', write: (line) => lines.push(line) });
  server = await serve({ routes, authenticate, rawHandlers: [raw], log });
});
afterAll(() => server.close());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(server.url + path, { headers });
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(server.url + path, {
    ...{
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...good, ...headers },
    },
  });

describe('answers to what is wrong', () => {
  it('are the envelope, or Prometheus’s own error where its clients ask', async () => {
    const missing = await get('/nothing/here');
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ error: { code: 'NOT_FOUND', details: {} } });
    const prometheus = await get('/api/v1/query', good);
    expect(prometheus.status).toBe(400);
    expect(await prometheus.json()).toEqual({
      status: 'error',
      errorType: 'bad_data',
      error: 'no',
    });
    const under = await get('/prometheus/api/v1/nothing');
    expect(await under.json()).toMatchObject({ status: 'error', errorType: 'not_found' });
    const anonymous = await get('/api/v1/query');
    expect(await anonymous.json()).toMatchObject({ status: 'error', errorType: 'unauthorized' });
  });

  it('name no inside of a bug, only the request by which it is found in the log', async () => {
    const answer = await get('/bug', { 'x-request-id': 'my-request-1' });
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('at ');
    expect(JSON.parse(text)).toMatchObject({
      error: { code: 'INTERNAL_ERROR', details: { request_id: 'my-request-1' } },
    });
    expect(lines.some((line) => line.includes('hunter2') && line.includes('my-request-1'))).toBe(
      true,
    );
  });

  it('never make half an answer look whole', async () => {
    await expect(get('/half').then((answer) => answer.text())).rejects.toThrow();
  });

  it('say 503 and when to come again while credentials cannot be checked', async () => {
    const answer = await get('/things/1', { authorization: 'Bearer away' });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: { code: 'UNAVAILABLE' } });
  });

  it.each([
    ['broken JSON', '{"a":', {}, 400],
    ['JSON that is no object', '"a"', {}, 400],
    ['too long a body', JSON.stringify({ a: 'x'.repeat(20_000) }), {}, 413],
    ['an unknown encoding', '{}', { 'content-encoding': 'zstd' }, 415],
    ['an unknown charset', '{}', { 'content-type': 'application/json; charset=x' }, 415],
  ])('%s is the client’s fault', async (_name, body, headers, status) => {
    const answer = await post('/echo', body, headers);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code: 'BAD_REQUEST' } });
  });

  it('a body is not read for who may not send it', async () => {
    const answer = await post('/echo', '{"a":', { authorization: 'Bearer bad' });
    expect(answer.status).toBe(401);
  });

  it('a malformed escape in the path is 400', async () => {
    expect((await get('/things/%E0%A4%A', good)).status).toBe(400);
  });

  it('another tenant’s id in X-Scope-OrgID is 403', async () => {
    expect((await get('/things/1', { ...good, 'x-scope-orgid': 'other' })).status).toBe(403);
    expect((await get('/things/1', { ...good, 'x-scope-orgid': 'default' })).status).toBe(200);
  });
});

describe('every answer', () => {
  it('has the security headers and a request id, without HSTS on plain HTTP', async () => {
    const { headers } = await get('/nothing');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
  });

  it('takes over no request id that could break a log', async () => {
    const { headers } = await get('/nothing', { 'x-request-id': 'a b"{}' });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is counted by the route’s pattern, whatever was asked', async () => {
    for (let i = 0; i < 50; i += 1) await (await get(`/things/${i}`, good)).text();
    for (let i = 0; i < 50; i += 1) await (await get(`/stranger/${i}`)).text();
    const text = await server.meters.text();
    expect(text).toMatch(/api_requests_total\{.*endpoint="\/things\/:id".*status="200".*\} 5\d/);
    expect(text).toContain('api_latency_seconds_bucket');
    expect(text).not.toContain('stranger');
    const endpoints = new Set(text.match(/endpoint="[^"]*"/g));
    expect(endpoints.size).toBeLessThanOrEqual(routes.length + 1);
  });

  it('leaves no credential and no query string in the log', async () => {
    await get('/things/1?token=sesame-in-url', { ...good, cookie: 'c=sesame-cookie' });
    await post('/echo', '{"password":"sesame-body"}');
    const log = lines.join('');
    expect(log).toContain('/things/1');
    expect(log).not.toMatch(/sesame|Bearer good/);
  });
});

describe('health', () => {
  it('is public, and readiness names the part that fails', async () => {
    expect(await (await get('/health')).json()).toEqual({ status: 'ok' });
    expect((await get('/-/healthy')).status).toBe(200);
    for (const path of ['/ready', '/-/ready']) {
      const ready = await get(path);
      expect(ready.status).toBe(503);
      expect(await ready.json()).toEqual({ status: 'not_ready', db: 'ok', storage: 'fail' });
    }
  });

  it('metrics are for readers of the installation’s own tenant', async () => {
    expect((await get('/metrics')).status).toBe(401);
    expect((await get('/metrics', { authorization: 'Bearer foreign' })).status).toBe(403);
    expect((await get('/metrics', good)).status).toBe(200);
  });
});

describe('connections', () => {
  it('reach a raw handler without Express', async () => {
    const answer = await get('/raw?x=1');
    expect(await answer.text()).toBe('raw');
    expect(answer.headers.has('x-request-id')).toBe(false);
  });

  const spoken = (port: number, bytes: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket.setEncoding('utf8').on('data', (data: string) => (text += data));
      socket.on('error', reject).on('close', () => resolve(text));
    });

  it('that speak no HTTP, or too long headers, get one line and are cut', async () => {
    expect(await spoken(server.port, 'hello there\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    const long = `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await spoken(server.port, long)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('that send headers or a body too slowly are cut', async () => {
    const limits = { maxHeaderBytes: 16_384, headersTimeoutMs: 200, requestTimeoutMs: 400 };
    const strict = await serve({ routes, authenticate, limits });
    const slow = await Promise.all([
      spoken(strict.port, 'GET /health HTTP/1.1\r\nHost: x\r\n'),
      spoken(
        strict.port,
        'POST /echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n' +
          'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
      ),
    ]);
    expect(slow[0]).toMatch(/^HTTP\/1\.1 408 /);
    expect(slow[1]).toMatch(/^(HTTP\/1\.1 408 |$)/);
    await strict.close();
  }, 20_000);

  it('are let finish at a stop, and no new ones are taken', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const slow: Route = {
      ...{ ...row, method: 'GET', path: '/slow', needs: 'public' },
      async handle({ res }) {
        entered();
        await held;
        res.json({ done: true });
      },
    };
    const own = await serve({ routes: [slow], authenticate });
    const answer = fetch(`${own.url}/slow`);
    await inside;
    const closed = own.close();
    await expect(fetch(`${own.url}/slow`)).rejects.toThrow();
    release();
    expect(await (await answer).json()).toEqual({ done: true });
    await closed;
  });

  it('cannot be taken twice on one port', async () => {
    const { createHttpServer } = await import('../../src/http/index.ts');
    const second = createHttpServer({
      ...{ routes: [], rawHandlers: [], authenticate, can: () => false, maxBodyBytes: 1 },
      ...{ log: createLogger({ service: 't', write: () => undefined }), meters: createMeters() },
      limits: { maxHeaderBytes: 16_384, headersTimeoutMs: 5_000, requestTimeoutMs: 5_000 },
    });
    await expect(second.listen('127.0.0.1', server.port)).rejects.toThrow('EADDRINUSE');
  });
});

describe('TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gaugeway-tls-'));
  let secure: TestServer;
  beforeAll(async () => {
    const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', '/CN=127.0.0.1'],
      ],
      { stdio: 'ignore' },
    );
    const tls = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    secure = await serve({ routes, authenticate, rawHandlers: [raw], tls });
  });
  afterAll(async () => {
    await secure.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const hstsOf = (path: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const options = { rejectUnauthorized: false, agent: false as const };
      requestTls(secure.url + path, options, (res) => {
        res.resume();
        resolve(res.headers['strict-transport-security']);
      })
        .on('error', reject)
        .end();
    });

  it('is told to be kept to on every answer, the write path included', async () => {
    for (const path of ['/health', '/nothing', '/raw']) {
      expect(await hstsOf(path)).toMatch(/^max-age=31536000/);
    }
  });

  it('is spoken from 1.2 on', async () => {
    const spoken = (version: 'TLSv1.1' | 'TLSv1.2'): Promise<string | null> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({
          ...{ port: secure.port, host: '127.0.0.1', rejectUnauthorized: false },
          ...{ minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' },
        });
        socket.on('error', reject).on('secureConnect', () => {
          resolve(socket.getProtocol());
          socket.destroy();
        });
      });
    expect(await spoken('TLSv1.2')).toBe('TLSv1.2');
    await expect(spoken('TLSv1.1')).rejects.toThrow();
  });
});
