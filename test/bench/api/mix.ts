import type { Product } from '../../support/stage.ts';
import type { Client } from './client.ts';

export const kinds = ['hosts list', 'host detail', 'query', 'alerts'] as const;
export type Kind = (typeof kinds)[number];

export interface MixResult {
  /** Milliseconds by kind. */
  times: Record<Kind, number[]>;
  statuses: Map<number, number>;
}

interface MixOptions {
  tokens: readonly string[];
  hosts: readonly string[];
  seconds: number;
  /** Between two requests of one user; none: as fast as they are answered. */
  thinkMs: number;
  /** Sends `If-None-Match` as a browser does. */
  revalidates: boolean;
}

/** The dashboard mix of issue 5: lists 50 %, a host 20 %, a metric 20 %, alerts 10 %; few hosts are looked at by most. */
export async function runMix(
  product: Product,
  client: Client,
  { tokens, hosts, seconds, thinkMs, revalidates }: MixOptions,
): Promise<MixResult> {
  const times: MixResult['times'] = { 'hosts list': [], 'host detail': [], query: [], alerts: [] };
  const statuses = new Map<number, number>();
  const endMs = performance.now() + seconds * 1_000;
  const user = async (token: string, number: number): Promise<void> => {
    const etags = new Map<string, string>();
    if (thinkMs > 0) await wait((thinkMs * number) / tokens.length);
    while (performance.now() < endMs) {
      const [kind, path] = next(hosts);
      const etag = revalidates ? etags.get(path) : undefined;
      const heard = await client.get(
        product.url + path,
        token,
        etag === undefined ? {} : { 'if-none-match': etag },
      );
      times[kind].push(heard.ms);
      statuses.set(heard.status, (statuses.get(heard.status) ?? 0) + 1);
      if (heard.etag !== undefined) etags.set(path, heard.etag);
      if (thinkMs > 0) await wait(thinkMs - heard.ms);
    }
  };
  await Promise.all(tokens.map(user));
  return { times, statuses };
}

const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(ms, 0)));

/** Zipf with exponent 1: the k-th is looked at half as often as the one of half its rank. */
function zipf(count: number): number {
  return Math.min(count - 1, Math.floor(Math.exp(Math.random() * Math.log(count))) - 1);
}

const lists = ['', '&status=warn', '&status=crit', '&tags=role:web', '&tags=role:db,rack:r1'];

function next(hosts: readonly string[]): [Kind, string] {
  const dice = Math.random();
  const host = hosts[zipf(hosts.length)] ?? '';
  if (dice < 0.5) {
    const offset = zipf(Math.ceil(hosts.length / 50)) * 50;
    const list = Math.random() < 0.6 ? `&offset=${String(offset)}` : (lists[zipf(5)] ?? '');
    return ['hosts list', `/api/v1/hosts?limit=50${list}`];
  }
  if (dice < 0.7) return ['host detail', `/api/v1/hosts/${host}?range=1h`];
  if (dice < 0.9) {
    const metric = Math.random() < 0.7 ? 'cpu.utilization' : 'mem.used_pct';
    return ['query', `/api/v1/metrics/query?host_id=${host}&metric=${metric}&range=1h`];
  }
  return ['alerts', '/api/v1/alerts/events?state=firing'];
}
