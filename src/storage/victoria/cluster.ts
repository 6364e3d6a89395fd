import { GaugewayError } from '../../platform/index.ts';
import type { AccountOf, VictoriaAnswer, VictoriaClient, VictoriaRequest } from './request.ts';

export interface ClusterParts {
  insert: VictoriaClient;
  select: VictoriaClient;
  insertNodes: readonly VictoriaClient[];
  storageNodes: readonly VictoriaClient[];
}

const flushPath = '/internal/force_flush';

/**
 * A cluster as if it were one VictoriaMetrics: paths of a single one become those of the component that has them, with
 * the tenant as the account (VictoriaMetrics docs, "Cluster version", "URL format"). A path of samples without a tenant
 * is an internal error: there is no address that would mean "all".
 */
export function createClusterClient(
  parts: ClusterParts,
  { target, accountOf }: { target: VictoriaClient['target']; accountOf: AccountOf | undefined },
): VictoriaClient {
  const { insert, select } = parts;
  const nodes = [...parts.insertNodes, ...parts.storageNodes];
  const all = [insert, select, ...nodes];
  const addressed = async (request: VictoriaRequest) => {
    if (!request.path.startsWith('/api/v1/')) return { client: select, request };
    if (request.tenantId === undefined || request.tenantId === '' || !accountOf) {
      throw new GaugewayError('INTERNAL_ERROR', `a request to a cluster without a tenant`);
    }
    const { component, path } = clusterPath(request.path, await accountOf(request.tenantId));
    return { client: parts[component], request: { ...request, path } };
  };
  return {
    target,
    members: { insert, nodes },
    onDisconnect: (listener) => {
      for (const client of [insert, ...nodes]) client.onDisconnect(listener);
    },
    close: () => Promise.all(all.map((client) => client.close())).then(() => undefined),
    async request(request) {
      if (request.path === flushPath) return every(parts.storageNodes, request);
      if (request.path === '/health') return every([insert, select], request);
      const { client, request: there } = await addressed(request);
      return client.request(there);
    },
    async stream(request) {
      const { client, request: there } = await addressed(request);
      return client.stream(there);
    },
  };
}

/** The component of a cluster that has what a single VictoriaMetrics has at this path, and its path there. */
export function clusterPath(
  path: string,
  account: number,
): { component: 'insert' | 'select'; path: string } {
  const under = (verb: string): string => `/${verb}/${String(account)}/prometheus${path}`;
  if (/^\/api\/v1\/(?:write|import)\b/.test(path)) {
    return { component: 'insert', path: under('insert') };
  }
  const isDeletion = path.startsWith('/api/v1/admin/tsdb/delete_series');
  return { component: 'select', path: under(isDeletion ? 'delete' : 'select') };
}

const nothingToDo: VictoriaAnswer = { status: 204, headers: {}, body: Buffer.alloc(0) };

/** The same to each; the worst answer counts. */
async function every(
  clients: readonly VictoriaClient[],
  request: VictoriaRequest,
): Promise<VictoriaAnswer> {
  const answers = await Promise.all(clients.map((client) => client.request(request)));
  return answers.reduce((worst, one) => (one.status > worst.status ? one : worst), {
    ...(answers[0] ?? nothingToDo),
  });
}
