import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createRawSource,
  createSeriesEraser,
  createSeriesWriter,
  createTenantSeries,
  createVictoriaClient,
  type VictoriaClient,
  type VictoriaTarget,
} from '../../src/storage/victoria/index.ts';
import { createDecodeKernel, encodeWriteRequest } from '../../src/wire/index.ts';
import { startPrometheusApi, type PrometheusApi } from '../support/prometheus-api.ts';
import { Stage, startStorage, until } from '../support/stage.ts';
import { clusterTarget, startStandInCluster, type StandInCluster } from '../support/vm-cluster.ts';

/** Accounts of this test in a real cluster: nobody else's, and not those of an earlier run. */
const firstAccount = Math.floor(Date.now() / 1000);
const accounts = ['alfa', 'bravo', 'charlie'];
const accountOf = (tenantId: string): Promise<number> =>
  Promise.resolve(firstAccount + accounts.indexOf(tenantId));

interface Kind {
  name: string;
  /** Tenants are accounts; nodes can be taken away. */
  has: { accounts: boolean; faults: boolean };
  start: (stage: Stage) => Promise<{ target: VictoriaTarget; cluster?: StandInCluster }>;
}

const single: Kind = {
  name: 'a single VictoriaMetrics',
  has: { accounts: false, faults: false },
  start: async (stage) => ({ target: (await startStorage(stage)).target }),
};
const standIn: Kind = {
  name: 'the stand-in for a cluster',
  has: { accounts: true, faults: true },
  start: async (stage) => {
    const cluster = await startStandInCluster(stage);
    return { cluster, target: clusterTarget(cluster, accountOf) };
  },
};
const insertUrl = process.env['GAUGEWAY_TEST_CLUSTER_INSERT_URL'];
const selectUrl = process.env['GAUGEWAY_TEST_CLUSTER_SELECT_URL'];
const real: Kind[] =
  insertUrl === undefined || selectUrl === undefined
    ? []
    : [
        {
          name: 'a cluster',
          has: { accounts: true, faults: false },
          start: () =>
            Promise.resolve({
              target: {
                baseUrl: selectUrl,
                cluster: { insertUrl, selectUrl, insertNodes: [], storageNodes: [], accountOf },
              },
            }),
        },
      ];

const kernel = createDecodeKernel({
  maxDecodedBytes: 1 << 20,
  maxSeries: 100,
  maxKnownSeries: 16,
});
const staleMarker = Buffer.from('0200000000 00f07f'.replace(' ', ''), 'hex').readDoubleLE();

describe.each([single, standIn, ...real])('$name', ({ has, start }) => {
  const stage = new Stage();
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  let target: VictoriaTarget;
  let cluster: StandInCluster;
  let client: VictoriaClient;
  let api: PrometheusApi;

  beforeAll(async () => {
    const started = await start(stage);
    ({ target } = started);
    if (started.cluster) ({ cluster } = started);
    client = createVictoriaClient(target);
    stage.onEnd(() => client.close());
    api = await startPrometheusApi({ victoriaUrl: target });
    stage.onEnd(() => api.stop());
    for (const tenant of ['alfa', 'bravo']) {
      await write(tenant, 'up', { host_id: 'web-1', of: tenant }, tenant === 'alfa' ? 1 : 2);
      await write(tenant, 'up', { host_id: 'web-2', of: tenant }, tenant === 'alfa' ? 3 : 4);
    }
    await write('alfa', 'ended', { host_id: 'web-1' }, 7, nowMs - 60_000);
    await write('alfa', 'ended', { host_id: 'web-1' }, staleMarker, nowMs - 30_000);
    await createSeriesWriter(client).makeVisible();
    await until('what was written is readable', async () => {
      const found = await Promise.all([values('alfa', 'up'), values('bravo', 'up')]);
      return found.every((one) => one.length === 2);
    });
  }, 120_000);
  afterAll(() => stage.end());

  async function write(
    tenant: string,
    name: string,
    labels: Record<string, string>,
    value: number,
    timestampMs = nowMs,
  ): Promise<void> {
    const series = { labels: [['__name__', name] as const, ...Object.entries(labels)] };
    const body = kernel.compress(
      encodeWriteRequest([{ ...series, samples: [{ value, timestampMs }] }]),
    );
    const answer = await createSeriesWriter(client).write([['tenant', tenant]], body);
    expect(answer).toEqual({ kind: 'written' });
  }

  interface Said {
    status: string;
    data: unknown;
    warnings?: string[];
  }

  async function ask(tenant: string, path: string): Promise<Said> {
    const authorization = `Basic ${btoa(`any:${tenant}`)}`;
    const answer = await fetch(api.url + path, { headers: { authorization } });
    return (await answer.json()) as Said;
  }

  async function values(tenant: string, query: string): Promise<number[]> {
    const path = `/api/v1/query?query=${encodeURIComponent(query)}&time=${String(nowMs / 1000)}`;
    const { data } = await ask(tenant, path);
    const { result } = data as { result: { value: [number, string] }[] };
    return result.map(({ value }) => Number(value[1])).sort((a, b) => a - b);
  }

  const data = async (tenant: string, path: string) => (await ask(tenant, path)).data;
  const match = `match[]=up&start=${String(nowMs / 1000 - 60)}&end=${String(nowMs / 1000 + 60)}`;

  it('answers instant questions with what was written', async () => {
    expect(await values('alfa', 'up')).toEqual([1, 3]);
    expect(await values('alfa', 'sum(up)')).toEqual([4]);
  });

  it('answers ranges', async () => {
    const range = `start=${String(nowMs / 1000)}&end=${String(nowMs / 1000 + 30)}&step=15`;
    const answer = await data('alfa', `/api/v1/query_range?query=sum(up)&${range}`);
    const at = (offset: number) => [nowMs / 1000 + offset, '4'];
    expect(answer).toEqual({
      ...{ resultType: 'matrix', result: [{ metric: {}, values: [at(0), at(15), at(30)] }] },
    });
  });

  it('lists series, names of labels and their values, without the tenant', async () => {
    expect(await data('alfa', `/api/v1/series?${match}`)).toEqual([
      { __name__: 'up', host_id: 'web-1', of: 'alfa' },
      { __name__: 'up', host_id: 'web-2', of: 'alfa' },
    ]);
    expect(await data('alfa', `/api/v1/labels?${match}`)).toEqual(['__name__', 'host_id', 'of']);
    expect(await data('bravo', `/api/v1/label/of/values?${match}`)).toEqual(['bravo']);
  });

  it('counts the series of a tenant', async () => {
    const { headStats } = (await data('bravo', '/api/v1/status/tsdb')) as {
      headStats: { numSeries: number };
    };
    expect(headStats.numSeries).toBe(2);
  });

  it('shows one tenant nothing of another, whatever is asked', async () => {
    expect(await values('bravo', 'up')).toEqual([2, 4]);
    expect(await values('bravo', 'up{of="alfa"}')).toEqual([]);
    expect(await values('charlie', 'up')).toEqual([]);
    expect(await data('charlie', `/api/v1/series?${match}`)).toEqual([]);
  });

  it('ends a series at its stale marker', async () => {
    expect(await values('alfa', 'ended')).toEqual([]);
    expect(await values('alfa', 'ended offset 45s')).toEqual([7]);
  });

  it('gives the samples of an hour as they came, with stale markers as null', async () => {
    const source = createRawSource(client);
    const span = { startMs: nowMs - 3_600_000, endMs: nowMs + 1_000 };
    expect([...(await source.names('alfa', span))].sort()).toEqual(['ended', 'up']);
    const found = [];
    for await (const one of source.series('alfa', ['ended'], span, AbortSignal.timeout(30_000))) {
      found.push(one);
    }
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      values: [7, null],
      timestamps: [nowMs - 60_000, nowMs - 30_000],
    });
    expect(await source.count('bravo', ['up'], span)).toBe(2);
  });

  it('forgets a host, and a tenant, and nothing else', async () => {
    await createSeriesEraser(client).erase('alfa', 'web-2');
    await until('the host is gone', async () => (await values('alfa', 'up')).join() === '1');
    expect(await values('bravo', 'up')).toEqual([2, 4]);
    const tenants = createTenantSeries([client]);
    expect(await tenants.isThere('bravo')).toBe(true);
    await tenants.remove('bravo');
    expect([await tenants.count('bravo'), await tenants.isThere('bravo')]).toEqual([0, false]);
    expect(await values('alfa', 'up')).toEqual([1]);
  });

  it('refuses what it will never take, and says so', async () => {
    const answer = await createSeriesWriter(client).write(
      [['tenant', 'alfa']],
      Buffer.from('no snappy'),
    );
    expect(answer.kind).toBe('refused');
  });

  it('says nothing of a part where the answer is whole', async () => {
    expect(await ask('alfa', '/api/v1/query?query=up')).not.toHaveProperty('warnings');
  });

  if (has.accounts) {
    it('takes no request for samples that names no tenant, where there are accounts', async () => {
      const query = new URLSearchParams({ query: 'up' });
      const asked = { method: 'GET', path: '/api/v1/query', query, timeoutMs: 5_000 } as const;
      await expect(client.request(asked)).rejects.toThrow('without a tenant');
    });

    it('keeps accounts apart also where the label is not asked for', async () => {
      const account = await accountOf('charlie');
      const url = `${target.baseUrl}/select/${String(account)}/prometheus/api/v1/query`;
      const answer = (await (await fetch(`${url}?query=up`)).json()) as { data: { result: [] } };
      expect(answer.data.result).toEqual([]);
    });
  }

  if (has.faults) {
    it('says in every answer that it is a part, where some of the storage is away', async () => {
      cluster.partial = true;
      try {
        const range = `start=${String(nowMs / 1000)}&end=${String(nowMs / 1000 + 30)}&step=15`;
        for (const path of [
          `/api/v1/query?query=up%2B0&time=${String(nowMs / 1000)}`,
          `/api/v1/query?query=scalar(sum(up))&time=${String(nowMs / 1000)}`,
          `/api/v1/query_range?query=up%2B0&${range}`,
          `/api/v1/series?${match}&limit=50`,
          `/api/v1/labels?${match}&limit=50`,
          `/api/v1/label/of/values?${match}&limit=50`,
          '/api/v1/status/tsdb?limit=7',
        ]) {
          const { status, warnings } = await ask('alfa', path);
          expect([path, status, warnings]).toEqual([
            ...[path, 'success', ['storage answered with a part of the data only']],
          ]);
        }
      } finally {
        cluster.partial = false;
      }
    });

    it('gives no samples for aggregates while some of the storage is away', async () => {
      cluster.partial = true;
      const span = { startMs: nowMs - 3_600_000, endMs: nowMs + 1_000 };
      const series = createRawSource(client).series(
        'alfa',
        ['up'],
        span,
        AbortSignal.timeout(9_000),
      );
      await expect(series[Symbol.asyncIterator]().next()).rejects.toThrow('503');
      cluster.partial = false;
    });

    it('is another life after a restart of a node, and one with a node away before it', async () => {
      const writer = createSeriesWriter(client);
      const incarnation = () => writer.incarnation();
      const before = await incarnation();
      expect(before?.split(' ')).toHaveLength(4);
      const [node] = cluster.storageNodes;
      await node!.kill();
      await until('it is seen', async () => (await incarnation())?.includes('(away)') === true);
      // A life is told in whole seconds.
      await until('it is another', async () => {
        await node!.restart();
        if ((await incarnation()) !== before) return true;
        await node!.kill();
        return false;
      });
      expect(await incarnation()).not.toContain('(away)');
      cluster.insertIsDown = true;
      expect(await incarnation()).toBeUndefined();
      cluster.insertIsDown = false;
    }, 120_000);
  }
});
