import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDecodeKernel, encodeWriteRequest } from '../../src/wire/index.ts';
import { Poster } from '../bench/load.ts';
import { pause } from '../support/accountant.ts';
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

interface VectorAnswer {
  data: {
    result: {
      metric: Record<string, string>;
      value: [number, string];
      values?: [number, string][];
    }[];
  };
}

async function ask(
  product: Product,
  path: string,
  args: Record<string, string>,
): Promise<VectorAnswer> {
  const url = `${product.url}${path}?${new URLSearchParams(args).toString()}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${product.readKey}` } });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as VectorAnswer;
}

const instant = (product: Product, query: string) => ask(product, '/api/v1/query', { query });

/** A Prometheus that scrapes itself every second and sends what it has. */
async function startPrometheus(product: Product, externalLabels: Record<string, string> = {}) {
  const port = await freePort();
  const directory = stage.directory();
  const file = join(directory, 'prometheus.yml');
  writeFileSync(
    file,
    JSON.stringify({
      global: { scrape_interval: '1s', external_labels: externalLabels },
      scrape_configs: [
        { job_name: 'self', static_configs: [{ targets: [`127.0.0.1:${String(port)}`] }] },
      ],
      remote_write: [
        {
          url: `${product.url}/api/v1/write`,
          authorization: { credentials: product.writeKey },
          queue_config: { batch_send_deadline: '1s' },
          metadata_config: { send_interval: '2s' },
        },
      ],
    }),
  );
  const url = `http://127.0.0.1:${String(port)}`;
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${String(port)}`,
  ];
  return launch(stage, { url, health: '/-/ready' }, 'prometheus', args);
}

async function counter(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('a real Prometheus', () => {
  it('sends, none of it fails, and what it sent is what we answer', async () => {
    const storage = await startStorage(stage);
    const product = await startProduct(stage, storage);
    const prometheus = await startPrometheus(product);
    await until(
      'its goroutines are here',
      async () => (await instant(product, 'go_goroutines')).data.result.length === 1,
    );
    // Storage hangs for a while: nothing of it may show at the sender.
    process.kill(storage.pid() ?? 0, 'SIGSTOP');
    await pause(5_000);
    process.kill(storage.pid() ?? 0, 'SIGCONT');
    const range = { query: 'go_goroutines', start: '', end: '', step: '1' };
    let theirs: VectorAnswer | undefined;
    await until('Prometheus itself has nine seconds without a gap', async () => {
      const end = Math.floor(Date.now() / 1000) - 2;
      Object.assign(range, { start: String(end - 8), end: String(end) });
      const args = new URLSearchParams(range).toString();
      theirs = (await (
        await fetch(`${prometheus.url}/api/v1/query_range?${args}`)
      ).json()) as VectorAnswer;
      return theirs.data.result[0]?.values?.length === 9;
    });
    await until('the same values are here', async () => {
      const ours = await ask(product, '/api/v1/query_range', range);
      return (
        JSON.stringify(ours.data.result[0]?.values) ===
        JSON.stringify(theirs?.data.result[0]?.values)
      );
    });
    expect(await counter(prometheus.url, 'prometheus_remote_storage_samples_failed_total')).toBe(0);
    expect(await counter(prometheus.url, 'prometheus_remote_storage_samples_dropped_total')).toBe(
      0,
    );
    expect(
      await counter(prometheus.url, 'prometheus_remote_storage_samples_total'),
    ).toBeGreaterThan(1_000);
    // Names outside the whitelist are left out, counted, and can be read.
    expect((await instant(product, 'prometheus_build_info')).data.result).toEqual([]);
    const rejections = await fetch(`${product.url}/api/v1/ingest/rejections`, {
      headers: { authorization: `Bearer ${product.readKey}` },
    });
    expect(await rejections.json()).toMatchObject({
      rejections: expect.arrayContaining([
        expect.objectContaining({ reason: 'not_whitelisted', sender: 'stage write' }),
      ]),
    });
    await until('metadata is here', async () => {
      const { data } = (await ask(product, '/api/v1/metadata', {
        metric: 'go_goroutines',
      })) as unknown as { data: Record<string, unknown[]> };
      return data['go_goroutines']?.length === 1;
    });
  });
});

describe('a real vmagent', () => {
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
    await launch(stage, { url, health: '/health' }, 'vmagent', [
      `-httpListenAddr=127.0.0.1:${String(port)}`,
      `-promscrape.config=${scrape}`,
      `-remoteWrite.url=${product.url}/api/v1/write`,
      `-remoteWrite.bearerTokenFile=${keyFile}`,
      `-remoteWrite.tmpDataPath=${join(directory, 'queue')}`,
      '-remoteWrite.flushInterval=1s',
    ]);
    await until(
      'it was turned away',
      async () =>
        (await counter(url, 'vmagent_remotewrite_requests_total')) > 0 ||
        (await counter(url, 'vmagent_remotewrite_retries_count_total')) > 0,
    );
    writeFileSync(keyFile, product.writeKey);
    await until(
      'its goroutines are here',
      async () => (await instant(product, 'go_goroutines')).data.result.length === 1,
    );
    process.kill(storage.pid() ?? 0, 'SIGSTOP');
    await pause(4_000);
    process.kill(storage.pid() ?? 0, 'SIGCONT');
    await until('ten seconds without a gap', async () => {
      const { data } = await instant(product, 'count_over_time(go_goroutines[10s])');
      return Number(data.result[0]?.value[1]) >= 10;
    });
    expect(await counter(url, 'vmagent_remotewrite_packets_dropped_total')).toBe(0);
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
    const leaders = async () => {
      const answer = await fetch(`${product.url}/api/v1/ingest/ha`, {
        headers: { authorization: `Bearer ${product.readKey}` },
      });
      return ((await answer.json()) as { leaders: { cluster: string; replica: string }[] }).leaders;
    };
    for (let i = 0; i < 10; i += 1) {
      expect(await post('a', 1)).toBe(204);
      expect(await post('b', 2)).toBe(204);
    }
    expect(await leaders()).toMatchObject([{ cluster: 'c1', replica: 'a' }]);
    await until('the copy of a is here, and only it', async () => {
      const { data } = await instant(product, 'node_pair');
      return (
        data.result.length === 1 &&
        data.result[0]?.value[1] === '1' &&
        !('__replica__' in data.result[0].metric)
      );
    });
    // The leader stops; the other goes on and is taken after the failover time.
    await until('b is taken', async () => {
      await post('b', 2);
      return (await leaders())[0]?.replica === 'b';
    });
    await until(
      'the copy of b is here',
      async () => (await instant(product, 'node_pair')).data.result[0]?.value[1] === '2',
    );
    poster.close();
  });
});

describe('the agent', () => {
  it('is seen within seconds, and leaves no gap when the gateway was away', async () => {
    const storage = await startStorage(stage);
    const product = await startProduct(stage, storage);
    const key = await product.makeKey({ name: 'agent', scopes: ['write'], host_id: 'box-1' });
    await launch(
      stage,
      undefined,
      process.execPath,
      ['--jitless', '--max-semi-space-size=1', 'dist/gaugeway-agent.js', 'run'],
      {
        GAUGEWAY_AGENT_URL: product.url,
        GAUGEWAY_AGENT_KEY: key,
        GAUGEWAY_AGENT_HOST_ID: 'box-1',
        GAUGEWAY_AGENT_STATE_DIR: stage.directory(),
        GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
        GAUGEWAY_AGENT_REMOTE_CONFIG: 'false',
      },
    );
    await until(
      'its load is here',
      async () => (await instant(product, 'cpu_load1{host_id="box-1"}')).data.result.length === 1,
      15_000,
    );
    await until('it is in the inventory', async () => {
      const answer = await fetch(`${product.url}/api/v1/hosts`, {
        headers: { authorization: `Bearer ${product.readKey}` },
      });
      return ((await answer.json()) as { hosts: { id: string }[] }).hosts.some(
        ({ id }) => id === 'box-1',
      );
    });
    const goneAt = Date.now();
    await product.kill('SIGKILL');
    await pause(8_000);
    await product.restart();
    const seconds = Math.ceil((Date.now() - goneAt) / 1000);
    await until('every tick of the outage is here', async () => {
      const { data } = await instant(
        product,
        `count_over_time(cpu_load1{host_id="box-1"}[${String(seconds)}s])`,
      );
      return Number(data.result[0]?.value[1]) >= seconds - 1;
    });
  });
});
