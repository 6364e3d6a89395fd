import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createForward, type Forward } from '../../src/forward/index.ts';
import { createWriteHandler } from '../../src/http/write/handler.ts';
import { createIngest, createWhitelist, type Ingest } from '../../src/ingest/index.ts';
import { startVictoria, type ManagedVictoria } from '../../src/managed/index.ts';
import { createMeters, silentLogger, systemClock } from '../../src/platform/index.ts';
import { createVictoriaClient, type VictoriaClient } from '../../src/storage/victoria/client.ts';
import { createSeriesWriter } from '../../src/storage/victoria/writer.ts';
import {
  encodeWriteRequest,
  referenceRequestV2,
  referenceWriteRequest,
  staleMarkerBytes,
  writeLabels,
  Writer,
  writeSample,
  type Label,
} from '../../src/wire/index.ts';
import { memoryHaStore } from '../support/ingest.ts';
import { snappy } from '../support/snappy.ts';

const v2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request';
const tenants = ['acme', 'other'] as const;
/** All samples of this file stand around one moment, well inside the window. */
const baseMs = Math.floor(Date.now() / 1000) * 1000 - 600_000;

let directory: string;
let victoria: ManagedVictoria;
let client: VictoriaClient;
let forward: Forward;
let ingest: Ingest;
let port: number;
let stopServer: () => void;
const connections = new Agent({ keepAlive: true, maxSockets: 8 });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gaugeway-write-path-'));
  victoria = await startVictoria({
    dataDir: join(directory, 'victoria'),
    retention: '7d',
    log: silentLogger,
    name: 'raw',
  });
  client = createVictoriaClient(victoria.target);
  const meters = createMeters();
  const common = { clock: systemClock, log: silentLogger, meters };
  forward = await createForward({
    ...common,
    config: {
      batchSamples: 1000,
      batchDelayMs: 2,
      queueBytes: 16 << 20,
      maxConcurrentWrites: 4,
      journalMaxBytes: 64 << 20,
      journalOverflow: 'reject',
      confirmAfterMs: 15_000,
      flushIntervalMs: 200,
      journal: { directory: join(directory, 'journal'), fsync: 'off' },
    },
    targets: [{ name: 'raw', tags: [], writer: createSeriesWriter(client) }],
  });
  ingest = createIngest({
    ...common,
    config: {
      maxDecodedBytes: 8 << 20,
      maxSeriesPerRequest: 10_000,
      maxInflightBytes: 64 << 20,
      maxInflightRequests: 100,
      maxInflightPerTenant: 100,
      maxLabels: 30,
      maxLabelNameBytes: 256,
      maxLabelValueBytes: 1_024,
      haClusterLabel: 'cluster',
      haReplicaLabel: '__replica__',
      haFailoverMs: 30_000,
      repeatMemory: 100,
      shardTag: 'zone',
    },
    accept: forward.accept,
    whitelistOf: () => createWhitelist({ version: 1, patterns: ['wp_.*'] }),
    policyOf: () => ({
      samplesPerSecond: 1e9,
      burstSamples: 1e9,
      maxActiveSeries: 1e6,
      maxMetricNames: 10_000,
      maxLabels: 30,
      maxLabelNameBytes: 256,
      maxLabelValueBytes: 1_024,
      timestampPastMs: 3_600_000,
      timestampFutureMs: 300_000,
    }),
    tagsOf: () => undefined,
    resolveMetric: () => undefined,
    stores: {
      ha: memoryHaStore(),
      ledger: { add: () => Promise.resolve() },
      exemplars: { add: () => Promise.resolve() },
      metadata: { upsert: () => Promise.resolve() },
    },
  });
  const handler = createWriteHandler({
    ingest,
    // The credential is the tenant's name: who may write is another room's test.
    authenticate: (authorization) => ({
      ok: true,
      principal: {
        kind: 'key',
        id: 'k',
        name: 'k',
        tenantId: authorization ?? 'acme',
        scopes: ['write'],
        whitelistMode: 'reject',
      },
    }),
    tenantModeOf: () => undefined,
    configVersionOf: () => '3.7',
    seen: () => undefined,
    log: silentLogger,
  });
  const server = createServer((req, res) => handler.handle(req, res));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  stopServer = () => {
    server.closeAllConnections();
    server.close();
  };
});

afterAll(async () => {
  connections.destroy();
  stopServer();
  await forward.stop(AbortSignal.timeout(5_000));
  await client.close();
  await victoria.stop();
  await rm(directory, { recursive: true, force: true });
});

function post(
  body: Buffer,
  { type, tenant = 'acme' }: { type?: string | undefined; tenant?: string } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: tenant,
      ...(type === undefined ? {} : { 'content-type': type }),
    };
    const options = {
      port,
      host: '127.0.0.1',
      path: '/api/v1/write',
      method: 'POST',
      headers,
      agent: connections,
    };
    const req = request(options, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => (text += chunk));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text }));
    });
    req.on('error', reject);
    req.end(body);
  });
}

interface Vector {
  metric: Record<string, string>;
  value: [number, string];
}

/** An instant query to the store itself, past every cache and past our own read path. */
async function query(promql: string, atMs = baseMs): Promise<Vector[]> {
  const answer = await client.request({
    method: 'GET',
    path: '/api/v1/query',
    query: new URLSearchParams({ query: promql, time: String(atMs / 1000), nocache: '1' }),
    timeoutMs: 10_000,
  });
  if (answer.status !== 200) throw new Error(answer.body.toString());
  return (JSON.parse(answer.body.toString()) as { data: { result: Vector[] } }).data.result;
}

/** Polls until the query answers as expected: the store shows what it has within a second or two. */
const eventually = (check: () => Promise<void>) =>
  vi.waitFor(check, { timeout: 30_000, interval: 100 });
const valueOf = async (promql: string, atMs = baseMs) =>
  Number((await query(promql, atMs))[0]?.value[1] ?? NaN);

const oneSeries = (
  labels: readonly Label[],
  value: number | Uint8Array = 1,
  timestampMs = baseMs,
): Buffer => {
  const writer = new Writer();
  writer.message(0x0a, () => {
    writeLabels(writer, labels);
    writeSample(writer, value, timestampMs);
  });
  return writer.finish();
};

describe('what was sent is what PromQL returns', () => {
  it('by remote write 1.0', async () => {
    const body = encodeWriteRequest([
      {
        labels: [
          ['__name__', 'wp_one'],
          ['job', 'ä "q"'],
        ],
        samples: [{ value: 1.25, timestampMs: baseMs }],
      },
      {
        labels: [
          ['__name__', 'wp_one'],
          ['job', 'b'],
        ],
        samples: [{ value: -1e300, timestampMs: baseMs }],
      },
    ]);
    expect(await post(snappy(body))).toEqual({ status: 204, text: '' });
    await eventually(async () => {
      const found = await query('wp_one');
      expect(found.map(({ metric, value }) => [metric, Number(value[1])])).toEqual([
        [{ __name__: 'wp_one', job: 'b', tenant: 'acme' }, -1e300],
        [{ __name__: 'wp_one', job: 'ä "q"', tenant: 'acme' }, 1.25],
      ]);
    });
  });

  it('by remote write 2.0', async () => {
    const body = referenceRequestV2.encode({
      symbols: ['', '__name__', 'wp_two', 'job', 'x'],
      timeseries: [
        {
          labels_refs: [1, 2, 3, 4],
          samples: [
            { value: 1, timestamp: baseMs - 5_000 },
            { value: 2, timestamp: baseMs, start_timestamp: baseMs - 60_000 },
          ],
        },
      ],
    });
    expect((await post(snappy(body), { type: v2 })).status).toBe(204);
    await eventually(async () => {
      expect(await query('wp_two')).toMatchObject([
        { metric: { __name__: 'wp_two', job: 'x', tenant: 'acme' }, value: [baseMs / 1000, '2'] },
      ]);
      expect(await valueOf('count_over_time(wp_two[1m])')).toBe(2);
    });
  });

  it.each([1, 2])(
    'native histograms by version %i: quantiles and counts are near the truth',
    async (version) => {
      const metric = `wp_native_${String(version)}`;
      // 100 observations in (1, 2], 100 in (2, 4], at schema 0.
      const histogram = {
        count_int: 200,
        sum: 450,
        schema: 0,
        positive_spans: [{ offset: 1, length: 2 }],
        positive_deltas: [100, 0],
        timestamp: baseMs,
      };
      const body =
        version === 1
          ? referenceWriteRequest.encode({
              timeseries: [
                { labels: [{ name: '__name__', value: metric }], histograms: [histogram] },
              ],
            })
          : referenceRequestV2.encode({
              symbols: ['', '__name__', metric],
              timeseries: [{ labels_refs: [1, 2], histograms: [histogram] }],
            });
      expect((await post(snappy(body), { type: version === 2 ? v2 : undefined })).status).toBe(204);
      await eventually(async () => {
        expect(await valueOf(`${metric}_count`)).toBe(200);
        expect(await valueOf(`${metric}_sum`)).toBe(450);
        const median = await valueOf(`histogram_quantile(0.5, ${metric}_bucket)`);
        expect(median).toBeCloseTo(2, 5);
        const upper = await valueOf(`histogram_quantile(0.75, ${metric}_bucket)`);
        expect(upper).toBeGreaterThan(2);
        expect(upper).toBeLessThan(4);
      });
    },
  );

  it('a stale marker ends a series at once', async () => {
    const labels: Label[] = [['__name__', 'wp_ends']];
    await post(snappy(oneSeries(labels, 7, baseMs - 10_000)));
    await eventually(async () => expect(await valueOf('wp_ends', baseMs - 9_000)).toBe(7));
    expect((await post(snappy(oneSeries(labels, staleMarkerBytes, baseMs)))).status).toBe(204);
    await eventually(async () => expect(await query('wp_ends', baseMs + 1_000)).toEqual([]));
    expect(await valueOf('wp_ends', baseMs - 1_000)).toBe(7);
  });
});

describe('tenants', () => {
  it('the credential’s tenant is forced over a forged one, however it is spelt', async () => {
    const forged: Label[] = [
      ['__name__', 'wp_forged'],
      ['tenant', 'other'],
    ];
    expect((await post(snappy(oneSeries(forged)))).status).toBe(204);
    await eventually(async () => {
      expect((await query('wp_forged')).map(({ metric }) => metric['tenant'])).toEqual(['acme']);
    });
  });

  it('the same body by two tenants is two series', async () => {
    const body = snappy(oneSeries([['__name__', 'wp_both']]));
    for (const tenant of tenants) expect((await post(body, { tenant })).status).toBe(204);
    await eventually(async () => {
      expect(
        (await query('sort_desc(wp_both)')).map(({ metric }) => metric['tenant']).sort(),
      ).toEqual([...tenants]);
    });
  });

  it('every series in the store has a tenant', async () => {
    expect(await query('{__name__=~"wp_.*",tenant=""}')).toEqual([]);
    expect(await query('{__name__!~"wp_.*",__name__!=""}')).toEqual([]);
  });
});

/** Field notes, ingest-and-query §5.1: VictoriaMetrics answers 204 to all of these, and keeps half of them. */
describe('no odd input is answered 204 unless a query returns it', () => {
  const many = (n: number): Label[] =>
    Array.from({ length: n }, (_, i): Label => [`l${String(i).padStart(2, '0')}`, 'x']);
  const ordinaryNaN = Buffer.from([1, 0, 0, 0, 0, 0, 0xf8, 0x7f]);
  const raw = (label: Buffer) =>
    Buffer.concat([
      Buffer.from([0x0a, label.length + 2 + 11, 0x0a, label.length]),
      label,
      Buffer.from([0x12, 9, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
    ]);

  it.each<[string, Buffer, number]>([
    ['3h_late', oneSeries([['__name__', 'wp_odd_3h_late']], 1, Date.now() - 3 * 3_600_000), 400],
    ['10d_old', oneSeries([['__name__', 'wp_odd_10d_old']], 1, Date.now() - 240 * 3_600_000), 400],
    ['3d_ahead', oneSeries([['__name__', 'wp_odd_3d_ahead']], 1, Date.now() + 72 * 3_600_000), 400],
    ['no_name', oneSeries([['job', 'wp_odd_no_name']]), 400],
    [
      'duplicate',
      oneSeries([
        ['__name__', 'wp_odd_duplicate'],
        ['a', '1'],
        ['a', '2'],
      ]),
      400,
    ],
    ['many_labels', oneSeries([['__name__', 'wp_odd_many_labels'], ...many(41)]), 400],
    [
      'long_value',
      oneSeries([
        ['__name__', 'wp_odd_long_value'],
        ['a', 'x'.repeat(5_000)],
      ]),
      400,
    ],
    [
      'bad_utf8',
      raw(Buffer.from([0x0a, 8, ...Buffer.from('__name__'), 0x12, 3, 0xff, 0xfe, 0x80])),
      400,
    ],
    [
      'empty_name',
      oneSeries([
        ['', 'x'],
        ['__name__', 'wp_odd_empty_name'],
      ]),
      400,
    ],
    ['1min_late', oneSeries([['__name__', 'wp_odd_1min_late']], 1, baseMs - 60_000), 204],
    [
      'empty_value',
      oneSeries([
        ['__name__', 'wp_odd_empty_value'],
        ['a', ''],
      ]),
      204,
    ],
    [
      'unsorted',
      oneSeries([
        ['b', '1'],
        ['__name__', 'wp_odd_unsorted'],
        ['a', '1'],
      ]),
      204,
    ],
    [
      'utf8_name',
      oneSeries([
        ['__name__', 'wp_odd_utf8_name'],
        ['a.b c', 'x'],
      ]),
      204,
    ],
    ['max_labels', oneSeries([['__name__', 'wp_odd_max_labels'], ...many(21)]), 204],
    [
      'max_value',
      oneSeries([
        ['__name__', 'wp_odd_max_value'],
        ['a', 'x'.repeat(1_024)],
      ]),
      204,
    ],
    ['nan', oneSeries([['__name__', 'wp_odd_nan']], ordinaryNaN), 204],
  ])('%s', async (name, body, status) => {
    expect((await post(snappy(body))).status).toBe(status);
    const metric = `wp_odd_${name}`;
    // A value that is sent after it, so that absence means absence and not delay.
    await post(snappy(oneSeries([['__name__', `${metric}_after`]])));
    await eventually(async () => expect(await query(`${metric}_after`)).toHaveLength(1));
    const found = await query(`last_over_time(${metric}[5m])`);
    // The one exception is counted instead: VictoriaMetrics keeps no ordinary NaN, and none can be asked for.
    expect(found).toHaveLength(status === 204 && name !== 'nan' ? 1 : 0);
    if (name === 'nan') return;
    expect(await query('{job="wp_odd_no_name"}')).toEqual([]);
  });

  it.each([
    ['a wrong type', 'application/json'],
    ['an unknown protocol', 'application/x-protobuf;proto=io.prometheus.write.v9.Request'],
  ])('%s: 415', async (_, type) => {
    const body = snappy(oneSeries([['__name__', 'wp_wrong_type']]));
    expect((await post(body, { type })).status).toBe(415);
  });
});

describe('the same batch again and again', () => {
  it('ten times over eight connections is stored once', async () => {
    const bodies = Array.from({ length: 20 }, (_, i) =>
      snappy(
        encodeWriteRequest(
          Array.from({ length: 50 }, (__, host) => ({
            labels: [
              ['__name__', 'wp_storm'],
              ['host', String(host)],
            ] as const,
            samples: [{ value: i, timestampMs: baseMs - i * 1_000 }],
          })),
        ),
      ),
    );
    const posts = Array.from({ length: 10 }, () => bodies).flat();
    const statuses = await Promise.all(posts.map(async (body) => (await post(body)).status));
    expect(new Set(statuses)).toEqual(new Set([204]));
    await eventually(async () => {
      expect(await valueOf('sum(count_over_time(wp_storm[1m]))')).toBe(1_000);
      expect(await valueOf('max(count_over_time(wp_storm[1m]))')).toBe(20);
    });
  });

  it('in any order of time gives the same series', async () => {
    const at = Array.from({ length: 300 }, (_, i) => (i * 7_919) % 300);
    for (let i = 0; i < at.length; i += 30) {
      const samples = at.slice(i, i + 30).map((n) => ({ value: n, timestampMs: baseMs - n * 100 }));
      const body = encodeWriteRequest([{ labels: [['__name__', 'wp_shuffled']], samples }]);
      expect((await post(snappy(body))).status).toBe(204);
    }
    await eventually(async () => {
      expect(await valueOf('count_over_time(wp_shuffled[1m])')).toBe(300);
      expect(await valueOf('wp_shuffled')).toBe(0);
    });
  });
});
