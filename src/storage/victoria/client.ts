import { Pool } from 'undici';
import { createClusterClient } from './cluster.ts';
import type { VictoriaClient, VictoriaRequest, VictoriaTarget } from './request.ts';

export type {
  VictoriaAnswer,
  VictoriaClient,
  VictoriaRequest,
  VictoriaStream,
  VictoriaTarget,
} from './request.ts';

export interface ClientOptions {
  connections?: number;
  maxAnswerBytes?: number;
}

export function createVictoriaClient(
  target: VictoriaTarget,
  options: ClientOptions = {},
): VictoriaClient {
  const { cluster, ...each } = target;
  if (!cluster) return createSingleClient(each, options);
  const open = (baseUrl: string): VictoriaClient =>
    createSingleClient({ ...each, baseUrl }, options);
  const parts = {
    insert: open(cluster.insertUrl),
    select: open(cluster.selectUrl),
    insertNodes: cluster.insertNodes.map(open),
    storageNodes: cluster.storageNodes.map(open),
  };
  return createClusterClient(parts, { target, accountOf: cluster.accountOf });
}

function createSingleClient(target: VictoriaTarget, options: ClientOptions): VictoriaClient {
  const base = new URL(target.baseUrl);
  const prefix = base.pathname === '/' ? '' : base.pathname.replace(/\/$/, '');
  const pool = new Pool(base.origin, {
    connections: options.connections ?? 16,
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
    keepAliveTimeout: 30_000,
    maxResponseSize: options.maxAnswerBytes ?? -1,
  });
  const authorization =
    target.password === undefined
      ? undefined
      : `Basic ${Buffer.from(`${target.username ?? ''}:${target.password}`).toString('base64')}`;
  const send = (request: VictoriaRequest, signal?: AbortSignal) => {
    const search = request.query?.toString();
    return pool.request({
      method: request.method,
      path: `${prefix}${request.path}${search ? `?${search}` : ''}`,
      headers: { ...request.headers, ...(authorization ? { authorization } : {}) },
      body: request.body ?? null,
      // A signal costs some 10 µs a request, so the write path goes without and relies on these two.
      headersTimeout: request.timeoutMs,
      bodyTimeout: request.timeoutMs,
      ...(signal ? { signal } : {}),
    });
  };
  return {
    target,
    onDisconnect: (listener) => void pool.on('disconnect', listener),
    close: () => pool.destroy(),
    async request(request) {
      const { timeoutMs, signal } = request;
      const both = signal && AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const answer = await send(request, both);
      const body = Buffer.from(await answer.body.arrayBuffer());
      return { status: answer.statusCode, headers: answer.headers, body };
    },
    async stream(request) {
      const { statusCode, body } = await send(request, request.signal);
      return { status: statusCode, body };
    },
  };
}
