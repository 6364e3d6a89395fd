import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Authentication, Principal } from '../../../src/access/principal.ts';
import { createWriteHandler, writePaths } from '../../../src/http/write/handler.ts';
import { GaugewayError, silentLogger } from '../../../src/platform/index.ts';
import { encodeWriteRequest, referenceRequestV2 } from '../../../src/wire/index.ts';
import { nowMs, series, testIngest, type TestIngest } from '../../support/ingest.ts';
import { snappy } from '../../support/snappy.ts';

const key: Principal = {
  kind: 'key',
  id: 'k1',
  name: 'prometheus',
  tenantId: 'acme',
  scopes: ['write'],
};
const v2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

type Authenticated = Authentication | Promise<Authentication>;

/** The handler behind a real server; `authentication` is what the credential turns out to be. */
async function serve(
  options: Parameters<typeof testIngest>[0] & {
    authentication?: () => Authenticated;
  } = {},
): Promise<TestIngest & { port: number; post: typeof post; seen: string[] }> {
  const test = testIngest(options);
  const seen: string[] = [];
  const handler = createWriteHandler({
    ingest: test.ingest,
    authenticate: options.authentication ?? (() => ({ ok: true, principal: key })),
    tenantModeOf: () => undefined,
    configVersionOf: () => '3.7',
    seen: (tenantId, hostId) => void seen.push(`${tenantId}/${hostId}`),
    log: silentLogger,
  });
  const server = createServer((req, res) => handler.handle(req, res));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const post = (
    body: Buffer,
    headers: Record<string, string> = {},
    method = 'POST',
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const req = httpRequest(
        { port, host: '127.0.0.1', path: '/api/v1/write', method, headers },
        (res) => {
          let text = '';
          res.setEncoding('utf8');
          res.on('data', (chunk: string) => (text += chunk));
          res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }));
        },
      );
      req.on('error', reject);
      req.end(body);
    });
  return { ...test, port, post, seen };
}

const body = (...names: string[]) => snappy(encodeWriteRequest(names.map((name) => series(name))));
const bodyV2 = (...names: string[]) =>
  snappy(
    referenceRequestV2.encode({
      symbols: ['', '__name__', ...names],
      timeseries: names.map((_, i) => ({
        labels_refs: [1, i + 2],
        samples: [{ value: 1, timestamp: nowMs }],
      })),
    }),
  );

const writtenOf = ({ headers }: Answer) =>
  ['samples', 'histograms', 'exemplars'].map(
    (what) => headers[`x-prometheus-remote-write-${what}-written`],
  );
const none = [undefined, undefined, undefined];

describe('the write table of the contract', () => {
  it('all accepted: 204, empty; Written headers on 2.0 and none on 1.0', async () => {
    const { post, batches } = await serve();
    const first = await post(body('up', 'good_a'));
    expect(first).toMatchObject({ status: 204, text: '' });
    expect(writtenOf(first)).toEqual(none);
    const second = await post(bodyV2('up', 'good_a', 'good_b'), { 'content-type': v2 });
    expect(second).toMatchObject({ status: 204, text: '' });
    expect(writtenOf(second)).toEqual(['3', '0', '0']);
    expect(batches).toHaveLength(2);
  });

  it('every answer has a request id: the one that came, where a log can hold it', async () => {
    const { post } = await serve();
    const idOf = async (...asked: Parameters<typeof post>) =>
      (await post(...asked)).headers['x-request-id'];
    expect(await idOf(body('up'), { 'x-request-id': 'my-request-1' })).toBe('my-request-1');
    expect(await idOf(body('up'), { 'x-request-id': 'a b"{}' })).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idOf(Buffer.from('no snappy'))).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idOf(body('up'), {}, 'PUT')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('an exact repeat: the same answer, stored once', async () => {
    const { post, batches } = await serve();
    for (let i = 0; i < 3; i += 1) {
      const answer = await post(bodyV2('up'), { 'content-type': v2 });
      expect([answer.status, ...writtenOf(answer)]).toEqual([204, '1', '0', '0']);
    }
    expect(batches).toHaveLength(1);
  });

  it('the loser of an HA pair: 204 with a full count', async () => {
    const { post, batches } = await serve();
    const from = (replica: string) =>
      snappy(
        referenceRequestV2.encode({
          symbols: ['', '__name__', 'up', 'cluster', 'c', '__replica__', replica],
          timeseries: [
            { labels_refs: [1, 2, 3, 4, 5, 6], samples: [{ value: 1, timestamp: nowMs }] },
          ],
        }),
      );
    await post(from('r1'), { 'content-type': v2 });
    const answer = await post(from('r2'), { 'content-type': v2 });
    expect([answer.status, ...writtenOf(answer)]).toEqual([204, '1', '0', '0']);
    expect(batches).toHaveLength(1);
  });

  it.each([
    ['1.0', undefined, body('up', 'bad', 'worse')],
    ['2.0', v2, bodyV2('up', 'bad', 'worse')],
  ])(
    'some refused: 400 on %s with Written headers, the counts first, then the first bad series',
    async (_, type, content) => {
      const { post, batches } = await serve({
        authentication: () => ({ ok: true, principal: { ...key, whitelistMode: 'reject' } }),
      });
      const answer = await post(content, type === undefined ? {} : { 'content-type': type });
      expect(answer.status).toBe(400);
      expect(writtenOf(answer)).toEqual(['1', '0', '0']);
      expect(answer.text).toMatch(
        /^rejected 2 of 3: not_whitelisted=2; first: not_whitelisted bad\{\}; see GET \/api\/v1\/ingest\/rejections\n$/,
      );
      expect(batches).toHaveLength(1);
    },
  );

  it.each<[Record<string, string>]>([
    [{ 'content-type': 'application/json' }],
    [{ 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v3.Request' }],
    [{ 'content-encoding': 'gzip' }],
    [{ 'content-encoding': 'zstd', 'content-type': 'application/x-protobuf' }],
  ])('%j: 415, and what would be read', async (headers) => {
    const { post } = await serve();
    const answer = await post(body('up'), headers);
    expect(answer.status).toBe(415);
    expect(answer.text).toContain('application/x-protobuf');
  });

  it.each<[string, Buffer]>([
    ['undecodable', Buffer.from('not snappy')],
    ['too_large', snappy(Buffer.alloc(2 << 20))],
    ['too_many_series', snappy(Buffer.alloc(2_002, Buffer.from([0x0a, 0])))],
  ])('%s: 400', async (reason, content) => {
    const { post } = await serve();
    const answer = await post(content);
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(new RegExp(`^${reason}: `));
    expect(writtenOf(answer)).toEqual(['0', '0', '0']);
  });

  it.each(['missing', 'malformed', 'unknown', 'expired', 'revoked', 'disabled'] as const)(
    'credential %s: 401 with a challenge',
    async (reason) => {
      const { post } = await serve({ authentication: () => ({ ok: false, reason }) });
      const answer = await post(body('up'));
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toContain('Bearer');
      expect(answer.text).toContain(reason);
    },
  );

  it('a credential without the right to write, or for another tenant: 403', async () => {
    const user: Principal = { kind: 'user', id: 'u1', name: 'a@b.c', tenantId: 'acme' };
    for (const principal of [{ ...key, scopes: ['read'] as const }, user]) {
      const { post, batches } = await serve({ authentication: () => ({ ok: true, principal }) });
      expect((await post(body('up'))).status).toBe(403);
      expect(batches).toEqual([]);
    }
    const { post } = await serve();
    expect((await post(body('up'), { 'x-scope-orgid': 'other' })).status).toBe(403);
    expect((await post(body('up'), { 'x-scope-orgid': 'acme' })).status).toBe(204);
  });

  it('over a budget: 429 with Retry-After and Written headers', async () => {
    const rate = await serve({ policy: { samplesPerSecond: 1, burstSamples: 1 } });
    await rate.post(body('up'));
    const limited = await rate.post(bodyV2('good_a'), { 'content-type': v2 });
    expect([limited.status, limited.headers['retry-after']]).toEqual([429, '1']);
    expect(writtenOf(limited)).toEqual(['0', '0', '0']);
    const few = await serve({ policy: { maxActiveSeries: 1 } });
    const full = await few.post(body('up', 'good_a'));
    expect([full.status, full.headers['retry-after']]).toEqual([429, '60']);
    expect(writtenOf(full)).toEqual(['1', '0', '0']);
  });

  it('overload or storage down: 503 with Retry-After, and the same request may come again', async () => {
    const { post, answers } = await serve();
    answers.push({ kind: 'overloaded', reason: 'storage_down', retryAfterSeconds: 5 });
    const answer = await post(body('up'));
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(answer.text).toContain('storage_down');
    expect((await post(body('up'))).status).toBe(204);
  });

  it('a credential that cannot be looked up: 503, not 500', async () => {
    const { post } = await serve({
      authentication: () =>
        Promise.reject(new GaugewayError('UNAVAILABLE', 'the database is away')),
    });
    const answer = await post(body('up'));
    expect(answer.status).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('a bug of ours: 500 without its text', async () => {
    const { post, answers } = await serve();
    answers.push(new Error('secret detail'));
    expect(await post(body('up'))).toMatchObject({ status: 500, text: 'internal error\n' });
  });

  it.each(['GET', 'PUT', 'DELETE'])('%s: 405 that names POST', async (method) => {
    const { post } = await serve();
    const answer = await post(Buffer.alloc(0), {}, method);
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
  });
});

describe('bodies as they come', () => {
  it('in chunks without a declared length', async () => {
    const { post, batches } = await serve();
    const answer = await post(body('up'), { 'transfer-encoding': 'chunked' });
    expect(answer.status).toBe(204);
    expect(batches).toHaveLength(1);
  });

  it('declared too large: refused unread, 400 and not 413', async () => {
    const { port } = await serve();
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(
      `POST /api/v1/write HTTP/1.1\r\nhost: x\r\ncontent-length: ${String(1 << 30)}\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 [\s\S]*too_large/);
    await once(socket, 'close');
  });

  it.each([
    ['in chunks', 'transfer-encoding: chunked'],
    ['declared', `content-length: ${String(1 << 30)}`],
  ])(
    'too large, %s, by a sender that goes on sending: it reads why, and is stopped',
    async (_, header) => {
      const { port, ingest } = await serve();
      const socket = connect(port, '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      socket.on('error', () => undefined);
      socket.write(`POST /api/v1/write HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`);
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      const send = () => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on('drain', send);
      send();
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 [\s\S]*too_large/);
      await new Promise((resolve) => socket.once('close', resolve));
      // What the kernel holds on both sides comes on top.
      expect(socket.bytesWritten).toBeLessThan(ingest.maxBodyBytes + (16 << 20));
      await vi.waitFor(() => expect(ingest.admission.inflightRequests).toBe(0));
    },
  );

  it('given up half way: nothing is written and nothing stays in flight', async () => {
    const { port, ingest, batches } = await serve();
    const socket = connect(port, '127.0.0.1');
    const whole = body('up');
    socket.write(
      `POST /api/v1/write HTTP/1.1\r\nhost: x\r\ncontent-length: ${String(whole.length)}\r\n\r\n`,
    );
    socket.write(whole.subarray(0, 10));
    await vi.waitFor(() => expect(ingest.admission.inflightRequests).toBe(1));
    socket.destroy();
    await vi.waitFor(() => expect(ingest.admission.inflightRequests).toBe(0));
    expect(ingest.admission.inflightBytes).toBe(0);
    expect(batches).toEqual([]);
  });

  it('slow ones hold their place, and more than fit are told to come again', async () => {
    const { port, post, ingest } = await serve({ config: { maxInflightPerTenant: 2 } });
    const sockets = [0, 1].map(() => connect(port, '127.0.0.1'));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const socket of sockets) {
      socket.write('POST /api/v1/write HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nslow');
    }
    await vi.waitFor(() => expect(ingest.admission.inflightRequests).toBe(2));
    const answer = await post(body('up'));
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(() => expect(ingest.admission.inflightRequests).toBe(0));
    expect((await post(body('up'))).status).toBe(204);
  });

  it('undeclared bytes beyond what may be in flight: 503', async () => {
    const { post } = await serve({ config: { maxInflightBytes: 1_000 } });
    const answer = await post(Buffer.alloc(5_000), { 'transfer-encoding': 'chunked' });
    expect(answer.status).toBe(503);
  });
});

describe('who sends', () => {
  it('a key bound to a host hears of every refusal, speaks for that host, and is a sign of life', async () => {
    const principal = { ...key, hostId: 'h1' };
    const { post, batches, seen } = await serve({
      authentication: () => ({ ok: true, principal }),
    });
    expect((await post(body('up', 'bad'))).status).toBe(400);
    expect(seen).toEqual(['acme/h1']);
    expect(batches).toHaveLength(1);
  });

  it('a key of foreign tooling is not told of names outside the whitelist', async () => {
    const { post } = await serve();
    const answer = await post(bodyV2('up', 'bad'), { 'content-type': v2 });
    expect([answer.status, ...writtenOf(answer)]).toEqual([204, '2', '0', '0']);
  });

  it('is answered at all the paths that senders are configured with', () => {
    const handler = createWriteHandler({} as Parameters<typeof createWriteHandler>[0]);
    expect(writePaths.size).toBe(5);
    for (const path of writePaths) expect(handler.matches(path)).toBe(true);
    expect(handler.matches('/api/v1/writes')).toBe(false);
  });
});
