import snappyjs from 'snappyjs';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeWriteRequest, type Label } from '../../src/wire/index.ts';
import { converse, statuses, type Conversation } from '../support/sockets.ts';
import { makeTenant, type TenantAccess } from '../support/tenants.ts';
import {
  rssMib,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';

const stage = new Stage();
let product: Product;
/** A tenant of few means, and one who minds its own business beside it. */
let small: TenantAccess;
let quiet: TenantAccess;

const seriesBudget = 2_000;
const burst = 60_000;

beforeAll(async () => {
  product = await startProduct(stage, await startStorage(stage));
  small = await makeTenant(product, 'small', { max_active_series: seriesBudget });
  quiet = await makeTenant(product, 'quiet');
});

afterAll(() => stage.end());

const version1 = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };

function bodyOf(series: Iterable<readonly Label[]>, timestampMs = Date.now()): Buffer {
  const content = [...series].map((labels) => ({ labels, samples: [{ value: 1, timestampMs }] }));
  return Buffer.from(snappyjs.compress(encodeWriteRequest(content)));
}

const one = (name: string, timestampMs?: number): Buffer =>
  bodyOf([[['__name__', name] as const]], timestampMs);

async function write(
  key: string,
  body: Buffer,
  path = '/api/v1/write',
): Promise<{ status: number; text: string; retryAfter: string | null }> {
  const headers = { ...version1, authorization: `Bearer ${key}` };
  const answer = await fetch(product.url + path, { method: 'POST', headers, body });
  const retryAfter = answer.headers.get('retry-after');
  return { status: answer.status, text: await answer.text(), retryAfter };
}

interface QueryAnswer {
  data: { result: { metric: Record<string, string>; value: [number, string] }[] };
}

async function ask(key: string, query: string): Promise<QueryAnswer['data']['result']> {
  const url = `${product.url}/api/v1/query?query=${encodeURIComponent(query)}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  return ((await answer.json()) as QueryAnswer).data.result;
}

/** The neighbour's write and the health of the whole, while something else is going on. */
async function expectUndisturbed(): Promise<void> {
  const written = await write(quiet.write, one('node_quiet'));
  expect(written.status, written.text).toBe(204);
  expect((await fetch(`${product.url}/health`)).status).toBe(200);
}

const head = (line: string, ...headers: string[]): string =>
  [line, 'Host: x', ...headers, '', ''].join('\r\n');

const posted = (...headers: string[]): string =>
  head(
    'POST /api/v1/write HTTP/1.1',
    `Authorization: Bearer ${product.writeKey}`,
    'Content-Type: application/x-protobuf',
    'Content-Encoding: snappy',
    ...headers,
  );

describe('requests that no client would make', () => {
  const cut = 'Connection: close';
  const good = one('node_hostile');
  const length = `Content-Length: ${String(good.length)}`;
  const rows: [what: string, allowed: number[], bytes: () => (string | Buffer)[]][] = [
    ...['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'].map(
      (method): [string, number[], () => string[]] => [
        `${method} on the write path`,
        [405],
        () => [head(`${method} /api/v1/write HTTP/1.1`, 'Content-Length: 0', cut)],
      ],
    ),
    ['a good body', [204], () => [posted(length, cut), good]],
    [
      'a good body in chunks of one byte',
      [204],
      () => [
        posted('Transfer-Encoding: chunked', cut),
        ...Array.from(good, (_, i) =>
          Buffer.concat([Buffer.from('1\r\n'), good.subarray(i, i + 1), Buffer.from('\r\n')]),
        ),
        '0\r\n\r\n',
      ],
    ],
    [
      'more than the declared length: the rest is no request',
      [400],
      () => [posted(`Content-Length: ${String(good.length - 3)}`), good],
    ],
    ['two different lengths', [400], () => [posted(length, 'Content-Length: 1', cut), good]],
    [
      'a length and chunks',
      [400],
      () => [posted(length, 'Transfer-Encoding: chunked', cut), '0\r\n\r\n'],
    ],
    ['a negative length', [400], () => [posted('Content-Length: -1', cut), good]],
    ['a length in words', [400], () => [posted('Content-Length: 1e3', cut), good]],
    [
      'a length beyond 64 bits',
      [400],
      () => [posted('Content-Length: 99999999999999999999', cut), good],
    ],
    [
      'a length of a terabyte',
      [400],
      () => [posted(`Content-Length: ${String(2 ** 40)}`, cut), good],
    ],
    [
      'a chunk of no size',
      [400],
      () => [posted('Transfer-Encoding: chunked', cut), 'xyz\r\nabc\r\n'],
    ],
    [
      'a transfer encoding that nobody knows',
      [400, 501],
      () => [posted('Transfer-Encoding: gzip', cut), good],
    ],
    [
      'a folded header',
      [400],
      () => [posted(length, 'X-Folded: a\r\n b: c\r\n\td', 'X-Space : x', cut), good],
    ],
    ['a header of 20 KB', [431], () => [posted(length, `X-Long: ${'x'.repeat(20_000)}`, cut)]],
    [
      '5,000 headers',
      [431],
      () => [posted(length, ...Array.from({ length: 5_000 }, (_, i) => `X-${String(i)}: 1`), cut)],
    ],
    ['a path of 100 KB', [431], () => [head(`POST /${'a'.repeat(100_000)} HTTP/1.1`, cut)]],
    ['a way round the path', [404], () => [head('GET /api/v1/x/../write HTTP/1.1', cut)]],
    ['two slashes', [404], () => [head('GET //api/v1/write HTTP/1.1', cut)]],
    ['a whole URL as the path', [404, 405], () => [head('GET http://evil/api/x HTTP/1.1', cut)]],
    ['a NUL in the path', [400], () => [head('GET /\0 HTTP/1.1', cut)]],
    [
      'a wish to speak something else',
      [204],
      () => [posted(length, 'Upgrade: websocket', 'Connection: Upgrade, close'), good],
    ],
    ['no HTTP', [400], () => [randomBytes(4_096)]],
    ['the first bytes of TLS', [400], () => [Buffer.from('160301020001000', 'hex')]],
  ];

  it.each(rows)('%s → %j', async (_what, allowed, bytes) => {
    const talk = converse(product.url, ...bytes());
    await talk.over;
    const heard = statuses(talk.heard);
    expect(allowed).toContain(heard.at(-1));
    for (const status of heard) expect(status).toBeLessThan(500);
    await expectUndisturbed();
  });

  it.each<[string, () => (string | Buffer)[]]>([
    [
      'less than the declared length, then the end',
      () => [posted(`Content-Length: ${String(good.length + 10)}`), good],
    ],
    ['a wish for a tunnel', () => [head('CONNECT x:1 HTTP/1.1', cut)]],
    ['nothing', () => []],
  ])('%s → no success', async (_what, bytes) => {
    const talk = converse(product.url, ...bytes());
    talk.socket.end();
    await talk.over;
    for (const status of statuses(talk.heard)) expect(status).toBe(400);
    await expectUndisturbed();
  });

  it('chunks without end are cut at the largest body', async () => {
    const talk = converse(product.url, posted('Transfer-Encoding: chunked'));
    const chunk = Buffer.concat([
      Buffer.from('10000\r\n'),
      randomBytes(65_536),
      Buffer.from('\r\n'),
    ]);
    await until('the connection is cut', () => {
      if (!talk.isOver) for (let i = 0; i < 16; i += 1) talk.socket.write(chunk);
      return Promise.resolve(talk.isOver);
    });
    expect(talk.heard).toMatch(/^HTTP\/1\.1 400 [^]*too_large/);
    await expectUndisturbed();
  });
});

describe('slow senders', () => {
  it('400 of them are cut within seconds, and hold up nobody', async () => {
    const before = rssMib(product.pid);
    const slow = Array.from({ length: 400 }, (_, i) =>
      i % 2 === 0
        ? converse(product.url, 'POST /api/v1/write HTTP/1.1\r\nHost: x\r\nX-Slow: ')
        : converse(product.url, posted('Content-Length: 1000')),
    );
    const drip = setInterval(() => {
      for (const { socket, isOver } of slow) if (!isOver) socket.write('x');
    }, 500);
    try {
      await expectUndisturbed();
      await until('all are cut', async () => {
        await expectUndisturbed();
        return slow.every(({ isOver }) => isOver);
      });
    } finally {
      clearInterval(drip);
      for (const { socket } of slow) socket.destroy();
    }
    for (const { heard } of slow) for (const s of statuses(heard)) expect([400, 408]).toContain(s);
    expect(rssMib(product.pid) - before).toBeLessThan(100);
  });

  it('a tenant that announces large bodies and sends nothing keeps no other tenant out', async () => {
    const bySmall = posted().replace(product.writeKey, small.write).trimEnd();
    const announced: Conversation[] = [];
    try {
      // Large ones first, then ever smaller ones into what is left.
      for (let bytes = 8 << 20; bytes >= 8; bytes /= 8) {
        for (let i = 0; i < 10; i += 1) {
          const text = `${bySmall}\r\nContent-Length: ${String(bytes)}\r\n\r\n`;
          announced.push(converse(product.url, text));
        }
      }
      await until('some are turned away', () =>
        Promise.resolve(announced.some(({ heard }) => statuses(heard).includes(503))),
      );
      await expectUndisturbed();
      for (const { heard } of announced) {
        if (heard !== '') expect(heard).toMatch(/503[^]*Retry-After: [^]*overloaded/i);
      }
    } finally {
      for (const { socket } of announced) socket.destroy();
    }
  });
});

describe('arguments that a client has no say in', () => {
  it('a write keeps its tenant whatever stands in its URL', async () => {
    const arguments_ = [
      'extra_label=tenant%3Dquiet',
      'extra_label=forged%3Dyes',
      'extra_label=tenant=quiet&extra_label=tenant=small',
      'extra_filters[]=%7Btenant%3D%22quiet%22%7D',
      'timestamp=1&format=1:metric:x',
      'extra_label[]=tenant%3Dquiet#fragment',
      'db=x&accountID=1',
    ];
    for (const [i, text] of arguments_.entries()) {
      const written = await write(
        product.writeKey,
        one(`node_arguments_${String(i)}`),
        `/api/v1/write?${text}`,
      );
      expect(written.status, written.text).toBe(204);
    }
    const selector = '{__name__=~"node_arguments_.+"}';
    await until(
      'all can be read by their owner',
      async () => (await ask(product.readKey, selector)).length === arguments_.length,
    );
    for (const { metric } of await ask(product.readKey, selector)) {
      expect(Object.keys(metric)).toEqual(expect.not.arrayContaining(['forged']));
      expect(metric['tenant'] ?? 'default').toBe('default');
    }
    expect(await ask(quiet.read, selector)).toEqual([]);
    expect(await ask(small.read, selector)).toEqual([]);
  });

  it('a key ends when it expires', async () => {
    const expires = new Date(Date.now() + 3_000).toISOString();
    const key = await product.makeKey({ name: 'brief', scopes: ['write'], expires_at: expires });
    expect((await write(key, one('node_brief'))).status).toBe(204);
    await until('it is refused', async () => {
      const { status } = await write(key, one('node_brief'));
      expect([204, 401]).toContain(status);
      return status === 401;
    });
  });
});

describe('a tenant of few means', () => {
  const bomb = (from: number, to: number, timestampMs?: number): Buffer =>
    bodyOf(
      Array.from({ length: to - from }, (_, i) => [
        ['__name__', 'node_bomb'] as const,
        ['n', String(from + i)] as const,
      ]),
      timestampMs,
    );

  it('keeps to its series with 100,000 new ones, and its neighbours notice nothing', async () => {
    const before = rssMib(product.pid);
    const perRequest = 5_000;
    for (let from = 0; from < 100_000; from += perRequest) {
      const { status, text, retryAfter } = await write(small.write, bomb(from, from + perRequest));
      expect(status, text).toBe(429);
      expect(text).toContain('series_budget');
      expect(Number(retryAfter)).toBeGreaterThan(0);
      await expectUndisturbed();
    }
    await until('what fitted can be read', async () => {
      const [count] = await ask(small.read, 'count(node_bomb)');
      return count?.value[1] === String(seriesBudget);
    });
    expect(rssMib(product.pid) - before).toBeLessThan(100);
  });

  it('goes on with the series it has', async () => {
    const again = await write(small.write, bomb(0, seriesBudget, Date.now() + 1));
    expect(again.status, again.text).toBe(204);
  });

  it('is held to its rate, and told when to come again', async () => {
    const slow = await makeTenant(product, 'slow', { samples_per_second: 1, burst_samples: burst });
    let sent = 0;
    let last = await write(slow.write, bomb(0, 10_000, Date.now()));
    for (sent = 10_000; last.status === 204 && sent <= 2 * burst; sent += 10_000) {
      last = await write(slow.write, bomb(0, 10_000, Date.now() - sent));
    }
    expect(last).toMatchObject({ status: 429 });
    expect(last.text).toContain('rate_budget');
    expect(Number(last.retryAfter)).toBeGreaterThan(0);
    expect(sent - 10_000).toBe(burst);
    await expectUndisturbed();
  });
});

describe('after all of it', () => {
  it('the same process runs, and what went wrong was never its own fault', async () => {
    expect((await fetch(`${product.url}/ready`)).status).toBe(200);
    expect(product.isRunning).toBe(true);
    const headers = { authorization: `Bearer ${product.readKey}` };
    const metrics = await (await fetch(`${product.url}/metrics`, { headers })).text();
    expect(metrics).toMatch(/api_requests_total\{/);
    expect(metrics).not.toMatch(/api_requests_total\{[^}]*status="5/);
    expect(product.said()).not.toMatch(/"level":"error"|failed unexpectedly/i);
    expect(rssMib(product.pid)).toBeLessThan(400);
  });
});
