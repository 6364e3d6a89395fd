import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { findVictoria } from '../../src/managed/index.ts';
import type { AccountOf, VictoriaTarget } from '../../src/storage/victoria/index.ts';
import { freePort, launch, type Program, type Stage } from './stage.ts';

/**
 * A stand-in for a VictoriaMetrics cluster, which Debian does not package: the HTTP of vminsert and vmselect as the
 * documentation has it ("Cluster version", "URL format" and "Cluster availability"), before real single-node
 * VictoriaMetrics, one for each account. What it cannot show is what vminsert and vmselect do among several vmstorage:
 * spreading, replication, merging. `GAUGEWAY_TEST_CLUSTER_INSERT_URL` and `…_SELECT_URL` put a real one in its place.
 */
export interface StandInCluster {
  insertUrl: string;
  selectUrl: string;
  /** The single-node VictoriaMetrics, in the order in which accounts first wrote. */
  storageNodes: readonly StorageNode[];
  /** As vmselect says it while a vmstorage is away and there is no copy. */
  partial: boolean;
  /** vminsert answers 503 while it is away. */
  insertIsDown: boolean;
  /** What was asked, as `POST /insert/1/prometheus/api/v1/write`. */
  readonly asked: string[];
  nodeOf(account: number): StorageNode;
}

export interface StorageNode {
  url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export async function startStandInCluster(stage: Stage, nodes = 3): Promise<StandInCluster> {
  const storageNodes = await Promise.all(Array.from({ length: nodes }, () => startNode(stage)));
  const accounts: number[] = [];
  const cluster: StandInCluster = {
    ...{ insertUrl: '', selectUrl: '', storageNodes, partial: false, insertIsDown: false },
    asked: [],
    nodeOf(account) {
      if (!accounts.includes(account)) accounts.push(account);
      const node = storageNodes[accounts.indexOf(account)];
      if (!node) throw new Error('more accounts than nodes of the stand-in');
      return node;
    },
  };
  const insertStartedS = Math.floor(Date.now() / 1000);
  cluster.insertUrl = await serve(stage, (req, res) => {
    if (cluster.insertIsDown) {
      answer(res, 503, 'vminsert is away');
      return;
    }
    if (own(req, res, insertStartedS)) return;
    route(cluster, { req, res, verbs: ['insert'] });
  });
  cluster.selectUrl = await serve(stage, (req, res) => {
    if (own(req, res, insertStartedS)) return;
    route(cluster, { req, res, verbs: ['select', 'delete'] });
  });
  return cluster;
}

/** How the product is told of it. */
export function clusterEnvironment(cluster: StandInCluster): Record<string, string> {
  return {
    GAUGEWAY_VICTORIA_RAW_CLUSTER_INSERT_URL: cluster.insertUrl,
    GAUGEWAY_VICTORIA_RAW_CLUSTER_SELECT_URL: cluster.selectUrl,
    GAUGEWAY_VICTORIA_RAW_CLUSTER_INSERT_NODES: cluster.insertUrl,
    GAUGEWAY_VICTORIA_RAW_CLUSTER_STORAGE_NODES: cluster.storageNodes.map(({ url }) => url).join(),
  };
}

export function clusterTarget(
  { insertUrl, selectUrl, storageNodes }: StandInCluster,
  accountOf: AccountOf,
): VictoriaTarget {
  const cluster = {
    ...{ insertUrl, selectUrl, insertNodes: [insertUrl], accountOf },
    storageNodes: storageNodes.map(({ url }) => url),
  };
  return { baseUrl: selectUrl, cluster };
}

async function startNode(stage: Stage): Promise<StorageNode> {
  const url = `http://127.0.0.1:${String(await freePort())}`;
  const data = join(stage.directory(), 'storage');
  const command = findVictoria([])?.path ?? 'victoria-metrics';
  const run = (): Promise<Program> =>
    launch(stage, { url, health: '/health' }, command, [
      `-storageDataPath=${data}`,
      `-httpListenAddr=${url.slice('http://'.length)}`,
      '-retentionPeriod=7d',
      '-dedup.minScrapeInterval=1ms',
      '-search.latencyOffset=0s',
    ]);
  let program = await run();
  return {
    url,
    async kill() {
      const gone = new Promise((resolve) => program.child.once('exit', resolve));
      program.child.kill('SIGKILL');
      await gone;
    },
    async restart() {
      program = await run();
    },
  };
}

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

async function serve(stage: Stage, handler: Handler): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

function answer(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, { 'content-type': 'text/plain' }).end(body);
}

/** What every component answers about itself. */
function own(req: IncomingMessage, res: ServerResponse, startedS: number): boolean {
  if (req.url === '/health') answer(res, 200, 'OK');
  else if (req.url?.startsWith('/metrics')) {
    answer(res, 200, `vm_app_start_timestamp ${String(startedS)}\n`);
  } else return false;
  return true;
}

interface Asked {
  req: IncomingMessage;
  res: ServerResponse;
  verbs: readonly string[];
}

const suffixes: Readonly<Record<string, RegExp>> = {
  insert: /^\/api\/v1\/(?:write|import(?:\/\w+)?)$/,
  select:
    /^\/api\/v1\/(?:query|query_range|series|labels|label\/[^/]+\/values|export|status\/tsdb)$/,
  delete: /^\/api\/v1\/admin\/tsdb\/delete_series$/,
};
const largestAccount = 2 ** 32 - 1;

function route(cluster: StandInCluster, { req, res, verbs }: Asked): void {
  const { pathname, search, searchParams } = new URL(req.url ?? '/', 'http://cluster');
  cluster.asked.push(`${String(req.method)} ${pathname}`);
  const [, verb = '', account = '', path = ''] =
    /^\/(\w+)\/([^/]+)\/prometheus(\/.*)$/.exec(pathname) ?? [];
  if (!verbs.includes(verb) || !suffixes[verb]?.test(path)) {
    answer(res, 400, `unsupported path requested: ${pathname}`);
    return;
  }
  if (!/^\d+$/.test(account) || Number(account) > largestAccount) {
    answer(res, 400, `cannot parse accountID from ${account}`);
    return;
  }
  const isRaw = path === '/api/v1/export';
  const isDenied = searchParams.get('deny_partial_response') === '1' || isRaw;
  if (verb === 'select' && cluster.partial && isDenied) {
    answer(res, 503, 'cannot return full response, since some of vmstorage nodes are unavailable');
    return;
  }
  const upstream = ask(
    cluster.nodeOf(Number(account)).url + path + search,
    { method: req.method, headers: { ...req.headers, 'accept-encoding': 'identity' } },
    (from) => {
      if (verb === 'select' && !isRaw) return void pass(from, res, cluster.partial);
      res.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(res);
    },
  );
  upstream.on('error', () => answer(res, 503, 'vmstorage is away'));
  req.pipe(upstream);
}

/** Every JSON answer of vmselect says whether it is a part only, before the data. */
async function pass(from: IncomingMessage, res: ServerResponse, partial: boolean): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of from) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const said = text.replace(
    /^\{"status":"success",(?:"isPartial":false,)?/,
    `{"status":"success","isPartial":${String(partial)},`,
  );
  res.writeHead(from.statusCode ?? 502, { 'content-type': 'application/json' }).end(said);
}
