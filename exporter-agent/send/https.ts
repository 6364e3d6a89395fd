import type * as http from 'node:http';
import type { TLSSocketOptions } from 'node:tls';
import { parseRetryAfter, type Answer } from './answer.ts';

export interface Transport {
  /** Never rejects; a connection that breaks, stalls or talks nonsense is `failed`. `path` begins with a slash. */
  post(
    path: string,
    body: Uint8Array,
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<Answer>;
  get(path: string, headers: Readonly<Record<string, string>>, timeoutMs: number): Promise<Answer>;
  /** The key of every request from now on. */
  useKey(key: string): void;
  close(): void;
}

export interface TransportOptions {
  /** http: or https:, may have a path, which is put before every request's. */
  url: URL;
  key: string | undefined;
  userAgent: string;
  /** PEM; replaces the system's list when set. */
  ca: string | undefined;
}

const answerBytesKept = 64 * 1024;

/**
 * node:http or node:https with one kept-alive connection; the other of the two is never loaded (4 MB).
 * No undici: 18 MB more and no `fetch` without WebAssembly.
 */
export async function createTransport(options: TransportOptions): Promise<Transport> {
  const { url } = options;
  const isTls = url.protocol === 'https:';
  const tls: TLSSocketOptions & { ca?: string } = isTls
    ? { minVersion: 'TLSv1.2', ...(options.ca === undefined ? {} : { ca: options.ca }) }
    : {};
  const client = isTls ? await import('node:https') : await import('node:http');
  const agent = new client.Agent({ keepAlive: true, maxSockets: 3, maxFreeSockets: 1, ...tls });
  const prefix = url.pathname.replace(/\/$/, '');
  const fixedHeaders: Record<string, string> = { 'user-agent': options.userAgent };
  const useKey = (key: string): void => void (fixedHeaders['authorization'] = `Bearer ${key}`);
  if (options.key !== undefined) useKey(options.key);

  const ask = (
    { method, path, body }: { method: 'GET' | 'POST'; path: string; body?: Uint8Array },
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<Answer> =>
    new Promise((resolve) => {
      const fail = (error: Error) => resolve({ kind: 'failed', message: error.message });
      const request = client.request({
        agent,
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: url.port,
        method,
        path: `${prefix}${path}`,
        headers: {
          ...fixedHeaders,
          ...headers,
          ...(body === undefined ? {} : { 'content-length': body.length }),
        },
      });
      // Whole time, not silence: a server that sends a byte now and then must not hold a batch.
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      request.on('close', () => clearTimeout(timer));
      request.on('error', fail);
      request.on('response', (response) => readAnswer(response, resolve, fail));
      request.end(body);
    });

  return {
    post: (path, body, headers, timeoutMs) =>
      ask({ method: 'POST', path, body }, headers, timeoutMs),
    get: (path, headers, timeoutMs) => ask({ method: 'GET', path }, headers, timeoutMs),
    useKey,
    close: () => agent.destroy(),
  };
}

function readAnswer(
  response: http.IncomingMessage,
  resolve: (answer: Answer) => void,
  fail: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  let kept = 0;
  response.on('data', (chunk: Buffer) => {
    if (kept < answerBytesKept) chunks.push(chunk);
    kept += chunk.length;
  });
  response.on('error', fail);
  response.on('aborted', () => fail(new Error('connection closed within the answer')));
  response.on('end', () => {
    resolve({
      kind: 'answered',
      status: response.statusCode ?? 0,
      retryAfterMs: parseRetryAfter(response.headers['retry-after'], Date.now()),
      headers: response.headers,
      text: Buffer.concat(chunks).subarray(0, answerBytesKept).toString('utf8'),
    });
  });
}
