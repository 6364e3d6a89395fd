import { GaugewayError, messageOf } from '../../platform/index.ts';
import type { TenantSeries } from '../../tenants/index.ts';
import type { VictoriaClient } from './client.ts';

const timeoutMs = 60_000;

/**
 * All series of a tenant in every VictoriaMetrics of the installation, by
 * `/api/v1/admin/tsdb/delete_series` (VictoriaMetrics docs, "How to delete time series").
 */
export function createTenantSeries(clients: readonly VictoriaClient[]): TenantSeries {
  const sum = async (ask: (client: VictoriaClient) => Promise<number>): Promise<number> =>
    (await Promise.all(clients.map(ask))).reduce((all, one) => all + one, 0);
  return {
    count: (tenantId) => sum((client) => currentSeries(client, tenantId)),
    isThere: async (tenantId) => (await sum((client) => knownSeries(client, tenantId))) > 0,
    async remove(tenantId) {
      for (const client of clients) {
        // What came last is in memory, where a deletion does not look for it.
        const { authKeys } = client.target;
        await send(client, { path: '/internal/force_flush', authKey: authKeys?.forceFlush });
        await send(client, {
          ...{ path: '/api/v1/admin/tsdb/delete_series', tenantId },
          ...{ fields: { 'match[]': selector(tenantId) }, authKey: authKeys?.delete },
        });
      }
    },
  };
}

const selector = (tenantId: string): string => {
  if (tenantId === '') throw new GaugewayError('INTERNAL_ERROR', 'a deletion without a tenant');
  return `{tenant=${JSON.stringify(tenantId)}}`;
};

async function currentSeries(client: VictoriaClient, tenantId: string): Promise<number> {
  const fields = { query: `count(${selector(tenantId)})`, nocache: '1', latency_offset: '1ms' };
  const body = await send(client, { path: '/api/v1/query', tenantId, fields });
  const { data } = JSON.parse(body) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1] ?? 0);
}

/** One is enough to know. */
async function knownSeries(client: VictoriaClient, tenantId: string): Promise<number> {
  const fields = { 'match[]': selector(tenantId), start: '1', limit: '1', nocache: '1' };
  const body = await send(client, { path: '/api/v1/series', tenantId, fields });
  return (JSON.parse(body) as { data: unknown[] }).data.length;
}

interface Sent {
  path: string;
  tenantId?: string;
  fields?: Record<string, string>;
  authKey?: string | undefined;
}

async function send(client: VictoriaClient, sent: Sent): Promise<string> {
  const { path, tenantId, fields, authKey } = sent;
  const query = new URLSearchParams({ ...fields, ...(authKey === undefined ? {} : { authKey }) });
  const answer = await client
    .request({ method: 'POST', path, tenantId, query, timeoutMs })
    .catch((error: unknown) => {
      throw unavailable(messageOf(error));
    });
  if (answer.status >= 300) throw unavailable(`it answered ${answer.status} at ${path}`);
  return answer.body.toString('utf8');
}

function unavailable(why: string): GaugewayError {
  return new GaugewayError('UNAVAILABLE', `storage did not take part: ${why}`, {
    details: { part: 'storage' },
    retryAfterSeconds: 5,
  });
}
