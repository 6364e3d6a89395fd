import type { AwayIncarnation, HiddenIncarnation } from '../../forward/index.ts';
import type { VictoriaAnswer, VictoriaClient } from './client.ts';

const probeTimeoutMs = 3_000;
/** A node of a cluster that is away longer is not waited for: the journal would fill up for it. */
const waitForNodeMs = 30 * 60_000;

const hidden: HiddenIncarnation = 'hidden';
const away: AwayIncarnation = '(away)';

/** Undefined where no answer came in time. */
export async function probe(
  client: VictoriaClient,
  path: string,
  authKey?: string,
): Promise<VictoriaAnswer | undefined> {
  const query = new URLSearchParams(authKey ? { authKey } : {});
  try {
    return await client.request({ method: 'GET', path, query, timeoutMs: probeTimeoutMs });
  } catch {
    return undefined;
  }
}

/**
 * Which life a store is in: when its process began, or those of the nodes of a cluster together. The cluster lives
 * while vminsert answers; a node that does not is in the name as away, so that its coming back is another life.
 */
export function createLives(
  client: VictoriaClient,
  nowMs: () => number = () => performance.now(),
): () => Promise<string | undefined> {
  if (!client.members) return () => lifeOf(client);
  const { insert, nodes } = client.members;
  const awaySince = new Map<VictoriaClient, number>();
  const nodeLife = async (node: VictoriaClient): Promise<string> => {
    const life = await lifeOf(node);
    if (life !== undefined) {
      awaySince.delete(node);
      return life;
    }
    const since = awaySince.get(node) ?? nowMs();
    awaySince.set(node, since);
    return nowMs() - since < waitForNodeMs ? away : 'gone';
  };
  return async () => {
    const health = await probe(insert, '/health');
    if (health?.status !== 200) return undefined;
    return nodes.length === 0 ? hidden : (await Promise.all(nodes.map(nodeLife))).join(' ');
  };
}

async function lifeOf(client: VictoriaClient): Promise<string | undefined> {
  const metrics = await probe(client, '/metrics', client.target.authKeys?.metrics);
  // No answer in time is no life of its own: the next look finds the one that was there before.
  if (!metrics) return undefined;
  const text = metrics.status === 200 ? metrics.body.toString('latin1') : '';
  const start = /^(?:vm_app_start_timestamp|process_start_time_seconds) (\S+)/m.exec(text);
  if (start) return start[1];
  const health = await probe(client, '/health');
  return health?.status === 200 ? hidden : undefined;
}
