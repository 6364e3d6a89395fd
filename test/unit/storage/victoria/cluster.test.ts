import { describe, expect, it } from 'vitest';
import {
  clusterPath,
  createClusterClient,
  type ClusterParts,
} from '../../../../src/storage/victoria/cluster.ts';
import type { VictoriaAnswer, VictoriaClient } from '../../../../src/storage/victoria/client.ts';
import { createLives } from '../../../../src/storage/victoria/lives.ts';

type Answers = Record<string, { status: number; body?: string } | undefined>;

function clientOf(name: string, asked: string[], answers: Answers = {}): VictoriaClient {
  return {
    target: { baseUrl: `http://${name}` },
    onDisconnect: () => undefined,
    stream: () => Promise.reject(new Error('not asked for')),
    close: () => Promise.resolve(),
    request({ path }): Promise<VictoriaAnswer> {
      asked.push(name + path);
      const answer = path in answers ? answers[path] : { status: 200 };
      if (!answer) return Promise.reject(new Error('away'));
      const body = Buffer.from(answer.body ?? '');
      return Promise.resolve({ status: answer.status, headers: {}, body });
    },
  };
}

function clusterOf(answers: Record<string, Answers> = {}) {
  const asked: string[] = [];
  const one = (name: string) => clientOf(name, asked, answers[name]);
  const parts: ClusterParts = {
    ...{ insert: one('insert'), select: one('select') },
    ...{ insertNodes: [one('i1')], storageNodes: [one('s1'), one('s2')] },
  };
  const accountOf = (tenantId: string) => Promise.resolve(tenantId === 'acme' ? 7 : 8);
  const target = { baseUrl: 'http://select' };
  return { asked, parts, client: createClusterClient(parts, { target, accountOf }) };
}

const get = (path: string, tenantId?: string) => ({
  ...{ method: 'GET' as const, path, tenantId, timeoutMs: 1_000 },
});

describe('a path of a single VictoriaMetrics', () => {
  it.each<[path: string, component: string, there: string]>([
    ['/api/v1/write', 'insert', '/insert/7/prometheus/api/v1/write'],
    ['/api/v1/import', 'insert', '/insert/7/prometheus/api/v1/import'],
    ['/api/v1/query', 'select', '/select/7/prometheus/api/v1/query'],
    ['/api/v1/export', 'select', '/select/7/prometheus/api/v1/export'],
    ['/api/v1/status/tsdb', 'select', '/select/7/prometheus/api/v1/status/tsdb'],
    ['/api/v1/label/a%2Fb/values', 'select', '/select/7/prometheus/api/v1/label/a%2Fb/values'],
    [
      '/api/v1/admin/tsdb/delete_series',
      'select',
      '/delete/7/prometheus/api/v1/admin/tsdb/delete_series',
    ],
  ])('%s is of %s in a cluster, at %s', (path, component, there) => {
    expect(clusterPath(path, 7)).toEqual({ component, path: there });
  });
});

describe('a cluster', () => {
  it('is asked in the account of the tenant', async () => {
    const { asked, client } = clusterOf();
    await client.request(get('/api/v1/query', 'acme'));
    await client.request(get('/api/v1/query', 'other'));
    expect(asked).toEqual([
      ...['select/select/7/prometheus/api/v1/query', 'select/select/8/prometheus/api/v1/query'],
    ]);
  });

  it.each([undefined, ''])('is asked nothing about samples of tenant %j', async (tenantId) => {
    const { asked, client } = clusterOf();
    await expect(client.request(get('/api/v1/query', tenantId))).rejects.toThrow('tenant');
    await expect(client.stream(get('/api/v1/export', tenantId))).rejects.toThrow('tenant');
    expect(asked).toEqual([]);
  });

  it('is told to flush at each vmstorage, and the worst answer counts', async () => {
    const { asked, client } = clusterOf({ s2: { '/internal/force_flush': { status: 503 } } });
    expect((await client.request(get('/internal/force_flush'))).status).toBe(503);
    expect(asked).toEqual(['s1/internal/force_flush', 's2/internal/force_flush']);
  });

  it('is healthy where vminsert and vmselect are', async () => {
    const healthOf = async (answers: Record<string, Answers>) =>
      (await clusterOf(answers).client.request(get('/health'))).status;
    expect(await healthOf({})).toBe(200);
    expect(await healthOf({ insert: { '/health': { status: 503 } } })).toBe(503);
    expect(await healthOf({ select: { '/health': { status: 503 } } })).toBe(503);
  });
});

describe('the life of a cluster', () => {
  const began = (seconds: number) => ({
    '/metrics': { status: 200, body: `vm_app_start_timestamp ${String(seconds)}\n` },
  });

  it('is that of all its nodes', async () => {
    const { client } = clusterOf({ i1: began(1), s1: began(2), s2: began(3) });
    expect(await createLives(client)()).toBe('1 2 3');
  });

  it('goes on while a node is away, which is waited for only so long', async () => {
    const away = { '/metrics': undefined };
    const { client } = clusterOf({ i1: began(1), s1: away, s2: began(3) });
    let nowMs = 0;
    const life = createLives(client, () => nowMs);
    expect(await life()).toBe('1 (away) 3');
    nowMs = 29 * 60_000;
    expect(await life()).toBe('1 (away) 3');
    nowMs = 30 * 60_000;
    expect(await life()).toBe('1 gone 3');
  });

  it('is not known while vminsert does not answer', async () => {
    const { client } = clusterOf({ insert: { '/health': undefined }, s1: began(2) });
    expect(await createLives(client)()).toBeUndefined();
  });

  it('is hidden where no node is named', async () => {
    const { parts } = clusterOf();
    const client = createClusterClient(
      { ...parts, insertNodes: [], storageNodes: [] },
      { target: { baseUrl: 'http://select' }, accountOf: undefined },
    );
    expect(await createLives(client)()).toBe('hidden');
    expect((await client.request(get('/internal/force_flush'))).status).toBe(204);
  });
});
