import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDecodeKernel, encodeWriteRequest } from '../../src/wire/index.ts';
import { Poster } from '../bench/load.ts';
import { pause } from '../support/accountant.ts';
import {
  ask,
  selfMetric,
  startExporter,
  startSender,
  type SeriesAnswer,
} from '../support/scraped.ts';
import {
  freePort,
  launch,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => stage.end());

const instant = (
  server: { url: string; readKey?: string },
  query: string,
  time = String(Date.now() / 1000),
): Promise<{ result: SeriesAnswer[] }> => ask(server, '/api/v1/query', { query, time });

/** When the samples of one series were taken, Unix seconds, ascending. */
async function timesOf(product: Product, selector: string, seconds: number): Promise<number[]> {
  const { result } = await instant(product, `${selector}[${String(seconds)}s]`);
  expect(result.length).toBe(1);
  return (result[0]?.values ?? []).map(([time]) => time);
}

const gapsOf = (times: readonly number[]): number[] =>
  times.slice(1).map((time, i) => time - (times[i] ?? 0));

/** Storage stops answering for a while, its connections stay open. */
async function hang(storage: { pid: () => number | undefined }, ms: number): Promise<void> {
  const pid = storage.pid();
  if (pid === undefined) throw new Error('storage does not run');
  process.kill(pid, 'SIGSTOP');
  await pause(ms);
  process.kill(pid, 'SIGCONT');
}

async function readAs<T>(product: Product, path: string): Promise<T> {
  const answer = await fetch(product.url + path, {
    headers: { authorization: `Bearer ${product.readKey}` },
  });
  return (await answer.json()) as T;
}

interface Leader {
  cluster: string;
  replica: string;
}

const leadersOf = async (product: Product) =>
  (await readAs<{ leaders: Leader[] }>(product, '/api/v1/ingest/ha')).leaders;

/** Name, labels and value to the digits that storage keeps; NaN is not stored. */
const comparable = ({ result }: { result: SeriesAnswer[] }): string[] =>
  result
    .filter(({ value }) => value[1] !== 'NaN')
    .map(
      ({ metric, value }) =>
        `${sorted(metric)} ${String(Number(Number(value[1]).toPrecision(12)))}`,
    )
    .sort();

const sorted = (labels: Record<string, string>): string =>
  JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));

describe('a real Prometheus', () => {
  it('sends what it scraped of node_exporter, through an outage of storage, and we answer the same', async () => {
    const storage = await startStorage(stage);
    const product = await startProduct(stage, storage);
    const exporter = `127.0.0.1:${String(await freePort())}`;
    await launch(
      stage,
      { url: `http://${exporter}`, health: '/metrics' },
      'prometheus-node-exporter',
      [`--web.listen-address=${exporter}`],
    );
    const prometheus = await startSender(stage, {
      product,
      key: product.writeKey,
      jobs: [{ job_name: 'node', static_configs: [{ targets: [exporter] }] }],
      remoteWrite: { metadata_config: { send_interval: '2s' } },
    });
    const all = '{job="node"}';
    await until(
      'its samples are here',
      async () => (await instant(product, all)).result.length > 100,
    );
    await hang(storage, 10_000);

    // After storage hung, all that Prometheus has of any second of it is here as well.
    const second = Math.floor(Date.now() / 1000);
    for (const time of [second - 8, second - 5, second - 2]) {
      await until(`all series are the same at ${String(time)}`, async () => {
        // Asked anew each time: a scrape that was under way is dated at its beginning and stored at its end.
        const theirs = comparable(await instant(prometheus, all, String(time)));
        const ours = comparable(await instant(product, all, String(time)));
        return theirs.length > 100 && JSON.stringify(ours) === JSON.stringify(theirs);
      });
    }
    for (const fate of ['failed', 'dropped']) {
      const name = `prometheus_remote_storage_samples_${fate}_total`;
      expect([name, await selfMetric(prometheus.url, name)]).toEqual([name, 0]);
    }
    // Names outside the whitelist are left out, counted, and can be read.
    expect((await instant(product, 'prometheus_build_info')).result).toEqual([]);
    expect(await readAs(product, '/api/v1/ingest/rejections')).toMatchObject({
      rejections: expect.arrayContaining([
        expect.objectContaining({ reason: 'not_whitelisted', sender: 'stage write' }),
      ]),
    });
    await until('metadata is here', async () => {
      const found = await ask<Record<string, unknown[]>>(product, '/api/v1/metadata');
      return found['node_load1']?.length === 1 && found['go_goroutines']?.length === 1;
    });
  });
});

/** The newer one opens with zstd and turns to snappy when it is told that it may not. */
describe.each(['vmagent', 'vmagent-newer'])('a real %s', (program) => {
  it('sends through an outage of storage and drops nothing; a bad key it tries again', async () => {
    const storage = await startStorage(stage);
    const product = await startProduct(stage, storage);
    const port = await freePort();
    const url = `http://127.0.0.1:${String(port)}`;
    const directory = stage.directory();
    const scrape = join(directory, 'scrape.yml');
    writeFileSync(
      scrape,
      JSON.stringify({
        scrape_configs: [
          {
            job_name: 'self',
            scrape_interval: '1s',
            static_configs: [{ targets: [`127.0.0.1:${String(port)}`] }],
          },
        ],
      }),
    );
    const keyFile = join(directory, 'key');
    writeFileSync(keyFile, 'gwk_not_a_key');
    await launch(stage, { url, health: '/health' }, program, [
      `-httpListenAddr=127.0.0.1:${String(port)}`,
      `-promscrape.config=${scrape}`,
      `-remoteWrite.url=${product.url}/api/v1/write`,
      `-remoteWrite.bearerTokenFile=${keyFile}`,
      `-remoteWrite.tmpDataPath=${join(directory, 'queue')}`,
      '-remoteWrite.flushInterval=1s',
    ]);
    await until(
      'it was turned away',
      async () => (await selfMetric(url, 'vmagent_remotewrite_retries_count_total')) > 0,
    );
    writeFileSync(keyFile, product.writeKey);
    const series = 'go_goroutines{job="self"}';
    await until(
      'its goroutines are here',
      async () => (await instant(product, series)).result.length === 1,
    );
    const from = Date.now();
    await hang(storage, 8_000);
    await until('each second of the outage is here', async () => {
      const seconds = Math.ceil((Date.now() - from) / 1000);
      const gaps = gapsOf(await timesOf(product, series, seconds));
      return gaps.length >= 8 && gaps.every((gap) => gap > 0.5 && gap < 2);
    });
    expect(await selfMetric(url, 'vmagent_remotewrite_packets_dropped_total')).toBe(0);
  });
});

describe('a pair of identical senders', () => {
  it('is stored once; when the leader falls silent the other one is taken', async () => {
    const storage = await startStorage(stage);
    const product = await startProduct(stage, storage, {
      GAUGEWAY_INGEST_HA_LABELS_FAILOVER: '3s',
    });
    const kernel = createDecodeKernel({
      maxDecodedBytes: 1 << 20,
      maxSeries: 10,
      maxKnownSeries: 16,
    });
    const poster = new Poster(`${product.url}/api/v1/write`, product.writeKey, 2);
    const post = (replica: string, value: number) => {
      const labels = [
        ['__name__', 'node_pair'],
        ['__replica__', replica],
        ['cluster', 'c1'],
      ] as const;
      return poster.post(
        kernel.compress(
          encodeWriteRequest([{ labels, samples: [{ value, timestampMs: Date.now() }] }]),
        ),
      );
    };
    for (let i = 0; i < 10; i += 1) {
      expect(await post('a', 1)).toBe(204);
      expect(await post('b', 2)).toBe(204);
    }
    expect(await leadersOf(product)).toMatchObject([{ cluster: 'c1', replica: 'a' }]);
    await until('the copy of a is here, and only it', async () => {
      const { result } = await instant(product, 'node_pair');
      return (
        result.length === 1 && result[0]?.value[1] === '1' && !('__replica__' in result[0].metric)
      );
    });
    // The leader stops; the other goes on and is taken after the failover time.
    await until('b is taken', async () => {
      await post('b', 2);
      return (await leadersOf(product))[0]?.replica === 'b';
    });
    await until(
      'the copy of b is here',
      async () => (await instant(product, 'node_pair')).result[0]?.value[1] === '2',
    );
    poster.close();
  });

  it('may be two Prometheus: one copy is stored and the label of the replica is gone', async () => {
    const storage = await startStorage(stage);
    const product = await startProduct(stage, storage, {
      GAUGEWAY_INGEST_HA_LABELS_FAILOVER: '5s',
    });
    const target = await startExporter(stage, () => '# TYPE node_up gauge\nnode_up 1\n# EOF\n');
    const start = (replica: string) =>
      startSender(stage, {
        product,
        key: product.writeKey,
        externalLabels: { cluster: 'c1', __replica__: replica },
        jobs: [{ job_name: 'jobs', static_configs: [{ targets: [target] }] }],
      });
    const [a, b] = [await start('a'), await start('b')];
    await until('one copy of ten seconds is here', async () => {
      const times = await timesOf(product, 'node_up', 60);
      return times.length >= 10;
    });
    expect(gapsOf(await timesOf(product, 'node_up', 60)).every((gap) => gap > 0.5)).toBe(true);
    const { result } = await instant(product, 'node_up');
    expect(result[0]?.metric).not.toHaveProperty('__replica__');
    expect(result[0]?.metric).toMatchObject({ cluster: 'c1' });

    const [leader] = await leadersOf(product);
    expect(leader).toMatchObject({ cluster: 'c1', replica: expect.stringMatching(/^[ab]$/) });
    (leader?.replica === 'a' ? a : b).child.kill('SIGKILL');
    const diedAt = Date.now() / 1000;
    await until(
      'the other one leads',
      async () => (await leadersOf(product))[0]?.replica !== leader?.replica,
    );
    await until(
      'its samples are stored',
      async () => Number((await timesOf(product, 'node_up', 60)).at(-1)) > diedAt + 5,
    );
    for (const one of [a, b]) {
      if (one.child.signalCode !== null) continue;
      expect(await selfMetric(one.url, 'prometheus_remote_storage_samples_failed_total')).toBe(0);
    }
  });
});

describe('the agent', () => {
  it('is seen within seconds, and leaves no gap where the gateway was away', async () => {
    const storage = await startStorage(stage);
    const product = await startProduct(stage, storage);
    const key = await product.makeKey({ name: 'agent', scopes: ['write'], host_id: 'box-1' });
    await launch(
      stage,
      undefined,
      process.execPath,
      [
        '--jitless',
        '--max-semi-space-size=1',
        '--no-node-snapshot',
        'dist/gaugeway-agent.js',
        'run',
      ],
      {
        GAUGEWAY_AGENT_URL: product.url,
        GAUGEWAY_AGENT_KEY: key,
        GAUGEWAY_AGENT_HOST_ID: 'box-1',
        GAUGEWAY_AGENT_STATE_DIR: stage.directory(),
        GAUGEWAY_AGENT_INTERVAL_SECONDS: '2',
        GAUGEWAY_AGENT_REMOTE_CONFIG: 'false',
      },
    );
    const load = 'cpu_load1{host_id="box-1"}';
    await until(
      'its load is here',
      async () => (await instant(product, load)).result.length === 1,
      15_000,
    );
    await until('it is in the inventory', async () => {
      interface Host {
        id: string;
        last_seen_at: string | null;
      }
      const { hosts } = await readAs<{ hosts: Host[] }>(product, '/api/v1/hosts');
      return hosts.some(({ id, last_seen_at: seen }) => id === 'box-1' && seen !== null);
    });
    const goneAt = Date.now();
    await product.kill('SIGKILL');
    await pause(12_000);
    await product.restart();
    const backAt = Date.now() / 1000;
    // Every tick once: none between two that are further apart than a tick, none twice.
    await until('every tick of the outage is here', async () => {
      const seconds = Math.ceil((Date.now() - goneAt) / 1000);
      const times = await timesOf(product, load, seconds);
      const ticks = gapsOf(times).map((gap) => Math.round(gap / 2));
      return Number(times.at(-1)) > backAt && ticks.length >= 6 && ticks.every((n) => n === 1);
    });
  });
});
