import { request } from 'node:http';
import snappyjs from 'snappyjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeWriteRequest, type Label } from '../../src/wire/index.ts';
import {
  postJson,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';

const stage = new Stage();
let product: Product;
/** Keys of a second tenant, whose data is the canary. */
let other: { write: string; read: string };

beforeAll(async () => {
  const storage = await startStorage(stage);
  product = await startProduct(stage, storage);
  const admin = { email: 'admin@other.example', password: 'a-long-password-of-the-other' };
  await postJson(
    `${product.url}/api/v1/tenants`,
    { id: 'other', name: 'Other', admin_email: admin.email, admin_password: admin.password },
    product.adminToken,
  );
  const { token = '' } = await postJson(`${product.url}/api/v1/auth/login`, admin);
  const bearer = token.startsWith('Bearer ') ? token : `Bearer ${token}`;
  const make = async (scope: string) =>
    (await postJson(`${product.url}/api/v1/keys`, { name: scope, scopes: [scope] }, bearer))[
      'key'
    ] ?? '';
  other = { write: await make('write'), read: await make('read') };
});

afterAll(() => stage.end());

function body(labels: readonly Label[], value = 1, timestampMs = Date.now()): Buffer {
  const bytes = encodeWriteRequest([{ labels, samples: [{ value, timestampMs }] }]);
  return Buffer.from(snappyjs.compress(bytes));
}

interface Answer {
  status: number;
  text: string;
  headers: Record<string, string | string[] | undefined>;
}

/** The client is by hand, so that what it sends is exactly what is written here. */
function send(
  path: string,
  key: string | undefined,
  options: { method?: string; body?: Buffer | string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const url = new URL(product.url);
  return new Promise((resolve, reject) => {
    const req = request(
      {
        ...{ host: url.hostname, port: url.port, path, method: options.method ?? 'POST' },
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...options.headers,
        },
      },
      (res) => {
        let text = '';
        res.on('data', (data: Buffer) => (text += data.toString()));
        res.on('end', () => resolve({ status: res.statusCode ?? 0, text, headers: res.headers }));
      },
    );
    req.on('error', reject);
    req.end(options.body);
  });
}

const version1 = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };

const write = (
  key: string | undefined,
  content: Buffer,
  headers: Record<string, string> = {},
  path = '/api/v1/write',
) => send(path, key, { body: content, headers: { ...version1, ...headers } });

const good: Label[] = [
  ['__name__', 'node_good'],
  ['job', 'x'],
];

describe('the write table of the contract, on the running product', () => {
  const rows: [what: string, status: number, act: () => Promise<Answer>][] = [
    ['a good request', 204, () => write(product.writeKey, body(good))],
    [
      'the same bytes again',
      204,
      async () => {
        const same = body(good, 2, Date.now() - 1000);
        await write(product.writeKey, same);
        return write(product.writeKey, same);
      },
    ],
    [
      'a name outside the whitelist with a key of foreign tooling',
      204,
      () => write(product.writeKey, body([['__name__', 'evil']])),
    ],
    [
      'a sample that is too old',
      400,
      () => write(product.writeKey, body(good, 1, Date.now() - 30 * 3_600_000)),
    ],
    ['a series without a name', 400, () => write(product.writeKey, body([['job', 'x']]))],
    [
      'JSON as content type',
      415,
      () => write(product.writeKey, body(good), { 'content-type': 'application/json' }),
    ],
    [
      'gzip as encoding',
      415,
      () => write(product.writeKey, body(good), { 'content-encoding': 'gzip' }),
    ],
    [
      'an unknown proto',
      415,
      () =>
        write(product.writeKey, body(good), { 'content-type': 'application/x-protobuf;proto=x.Y' }),
    ],
    ['no snappy', 400, () => write(product.writeKey, Buffer.from('not snappy at all'))],
    [
      '4 GiB declared in six bytes',
      400,
      () => write(product.writeKey, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0])),
    ],
    ['no credential', 401, () => write(undefined, body(good))],
    ['a credential that nobody has', 401, () => write('gwk_nobody', body(good))],
    ['a key that may only read', 403, () => write(product.readKey, body(good))],
    [
      "another tenant's X-Scope-OrgID",
      403,
      () => write(product.writeKey, body(good), { 'x-scope-orgid': 'other' }),
    ],
    ['GET', 405, () => send('/api/v1/write', product.writeKey, { method: 'GET' })],
    [
      'an alias of the path',
      204,
      () => write(product.writeKey, body(good, 3), {}, '/insert/0/prometheus/api/v1/write'),
    ],
  ];

  it.each(rows)('%s → %i', async (_what, status, act) => {
    const answer = await act();
    expect(answer.status, answer.text).toBe(status);
    const written = answer.headers['x-prometheus-remote-write-samples-written'];
    if (status === 204) expect(written).toBeUndefined();
    if (status === 401) expect(answer.headers['www-authenticate']).toContain('Bearer');
  });

  it('ends a key within seconds of its revocation', async () => {
    const key = await product.makeKey({ name: 'short-lived', scopes: ['write'] });
    expect((await write(key, body(good, 9))).status).toBe(204);
    const list = await send('/api/v1/keys?limit=500', product.adminToken.replace('Bearer ', ''), {
      method: 'GET',
    });
    const { keys } = JSON.parse(list.text) as { keys: { id: string; name: string }[] };
    const id = keys.find(({ name }) => name === 'short-lived')?.id ?? '';
    await send(`/api/v1/keys/${id}`, product.adminToken.replace('Bearer ', ''), {
      method: 'DELETE',
    });
    await until(
      'the key is refused',
      async () => (await write(key, body(good, Math.random()))).status === 401,
      6_000,
    );
  });

  it('keeps a key that is bound to a host to that host', async () => {
    const key = await product.makeKey({ name: 'box-7', scopes: ['write'], host_id: 'box-7' });
    const foreign = await write(
      key,
      body([
        ['__name__', 'node_good'],
        ['host_id', 'box-8'],
      ]),
    );
    expect(foreign).toMatchObject({ status: 400 });
    expect(foreign.text).toContain('foreign_host=1');
    const json = (hostId: string) =>
      send('/api/v1/ingest/metrics', key, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          host_id: hostId,
          metrics: [{ metric: 'cpu.utilization', ts: new Date().toISOString(), value: 1 }],
        }),
      });
    expect((await json('box-8')).status).toBe(403);
    expect(await json('box-7')).toMatchObject({ status: 200, text: '{"accepted":1,"rejected":0}' });
  });
});

describe('two tenants on one storage', () => {
  const canary = 'node_canary_of_the_other';

  beforeAll(async () => {
    expect(
      (
        await write(
          other.write,
          body([
            ['__name__', canary],
            ['secret', 'canary'],
          ]),
        )
      ).status,
    ).toBe(204);
    // The other tenant's name forged on our own series must not put it there.
    expect(
      (
        await write(
          product.writeKey,
          body([
            ['__name__', 'node_forged'],
            ['tenant', 'other'],
          ]),
        )
      ).status,
    ).toBe(204);
    const theirs = async (query: string) =>
      (await send(`/api/v1/query?query=${query}`, other.read, { method: 'GET' })).text;
    await until('the canary can be read by its owner', async () =>
      (await theirs(canary)).includes('canary'),
    );
    await until('the forged series is ours', async () =>
      (
        await send('/api/v1/query?query=node_forged', product.readKey, { method: 'GET' })
      ).text.includes('node_forged'),
    );
    expect(await theirs('node_forged')).not.toContain('__name__');
  });

  const now = () => String(Date.now() / 1000);
  const reads = [
    () => `/api/v1/query?query=${canary}`,
    () => `/api/v1/query?query=${canary}&extra_label=tenant%3Dother`,
    () => `/api/v1/query?query=${canary}&extra_filters%5B%5D=%7Btenant%3D%22other%22%7D`,
    () => `/api/v1/query?query=${canary}&extra_filters=%7Btenant%3D%22other%22%7D`,
    () => `/api/v1/query?query=%7B__name__%3D~%22.%2B%22%7D`,
    () =>
      `/api/v1/query_range?query=${canary}&start=${String(Date.now() / 1000 - 600)}&end=${now()}&step=15`,
    () => `/prometheus/api/v1/query?query=${canary}`,
    () => '/api/v1/labels',
    () => '/api/v1/label/__name__/values',
    () => '/api/v1/label/secret/values',
    () => '/api/v1/label/tenant/values',
    () => `/api/v1/series?match%5B%5D=${canary}`,
    () => `/api/v1/series?match%5B%5D=%7B__name__%3D~%22.%2B%22%7D&extra_label=tenant%3Dother`,
    () => `/federate?match%5B%5D=%7B__name__%3D~%22.%2B%22%7D`,
    () => `/api/v1/query_exemplars?query=${canary}&start=0&end=${now()}`,
    () => '/api/v1/metadata',
    () => '/api/v1/ingest/rejections',
    () => '/api/v1/ingest/ha',
    () => '/api/v1/hosts',
    () => '/api/v1/targets',
  ];

  it.each(reads.map((path) => [path()] as const))('%s shows nothing of the other', async (path) => {
    const answer = await send(path, product.readKey, { method: 'GET' });
    expect(answer.status).toBeLessThan(500);
    // An error may quote the question; an answer may not know the word.
    if (answer.status === 200) expect(answer.text).not.toContain('canary');
  });

  it('nor does a form post with arguments of its own', async () => {
    const form = `query=${canary}&extra_label=tenant%3Dother&extra_filters%5B%5D=%7Btenant%3D%22other%22%7D`;
    const answer = await send('/api/v1/query', product.readKey, {
      body: form,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(JSON.parse(answer.text)).toMatchObject({ data: { result: [] } });
  });

  it('leaves its neighbours alone when one sends a flood of new series', async () => {
    const flood = Array.from({ length: 5_000 }, (_, i) => ({
      labels: [
        ['__name__', 'node_flood'],
        ['n', String(i)],
      ] as const,
      samples: [{ value: 1, timestampMs: Date.now() }],
    }));
    const content = Buffer.from(snappyjs.compress(encodeWriteRequest(flood)));
    expect((await write(product.writeKey, content)).status).toBe(204);
    expect(
      (
        await write(
          other.write,
          body(
            [
              ['__name__', canary],
              ['secret', 'canary'],
            ],
            2,
          ),
        )
      ).status,
    ).toBe(204);
    expect((await send('/health', undefined, { method: 'GET' })).status).toBe(200);
  });
});
