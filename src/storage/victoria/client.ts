import { Pool } from 'undici';

/** Where one VictoriaMetrics answers and what it wants to see. */
export interface VictoriaTarget {
  /** Base URL without a trailing slash, e.g. `http://127.0.0.1:8428`. */
  baseUrl: string;
  username?: string;
  password?: string;
  /** The `authKey` argument of each locked path, by the flag's name without `AuthKey`. */
  authKeys?: Readonly<Partial<Record<'metrics' | 'forceFlush' | 'snapshot' | 'delete', string>>>;
}

export interface VictoriaRequest {
  method: 'GET' | 'POST';
  /** Path below the base URL, already encoded. */
  path: string;
  query?: URLSearchParams;
  headers?: Readonly<Record<string, string>>;
  body?: Buffer | string;
  timeoutMs: number;
  signal?: AbortSignal;
}

export interface VictoriaAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

export interface VictoriaStream {
  status: number;
  /** To be read to its end, or left: then the connection ends. */
  body: AsyncIterable<Buffer>;
}

/** HTTP to one VictoriaMetrics; every path and argument is the caller's, nothing of a client's request passes by itself. */
export interface VictoriaClient {
  readonly target: VictoriaTarget;
  request(request: VictoriaRequest): Promise<VictoriaAnswer>;
  /** The answer as it comes; `timeoutMs` is the longest wait for its next bytes. */
  stream(request: VictoriaRequest): Promise<VictoriaStream>;
  /** Called whenever a connection to the server ends; a restart of the server shows here first. */
  onDisconnect(listener: () => void): void;
  close(): Promise<void>;
}

export function createVictoriaClient(
  target: VictoriaTarget,
  options: { connections?: number; maxAnswerBytes?: number } = {},
): VictoriaClient {
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
