import type * as http from 'node:http';
import type { SecureContextOptions, TLSSocketOptions } from 'node:tls';
import { parseRetryAfter, type Answer } from './answer.ts';
import { hostOf, isTls, proxyAuthorization } from './proxy.ts';
import { tunnelThrough } from './tunnel.ts';

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
  /** PEM; by which the agent shows who it is. */
  clientCertificate?: { cert: string; key: string } | undefined;
  /** The name that the server's certificate must have, where it is not the one in `url`. */
  serverName?: string | undefined;
  /** An HTTP proxy; may have user and password. */
  proxy?: URL | undefined;
}

const answerBytesKept = 64 * 1024;

/**
 * node:http or node:https with one kept-alive connection; the other of the two is never loaded (4 MB).
 * No undici: 18 MB more and no `fetch` without WebAssembly.
 */
export async function createTransport(options: TransportOptions): Promise<Transport> {
  const { url, proxy } = options;
  const target = await createTarget(options);
  const prefix = url.pathname.replace(/\/$/, '');
  const fixedHeaders: Record<string, string> = {
    'user-agent': options.userAgent,
    ...(proxy === undefined || isTls(url) ? {} : { host: url.host, ...proxyAuthorization(proxy) }),
  };
  const useKey = (key: string): void => void (fixedHeaders['authorization'] = `Bearer ${key}`);
  if (options.key !== undefined) useKey(options.key);

  const ask = (
    { method, path, body }: { method: 'GET' | 'POST'; path: string; body?: Uint8Array },
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<Answer> =>
    new Promise((resolve) => {
      const fail = (error: Error) => resolve({ kind: 'failed', message: error.message });
      const request = target.client.request({
        ...target.address,
        agent: target.agent,
        method,
        path: `${target.pathBefore}${prefix}${path}`,
        headers: {
          ...fixedHeaders,
          ...headers,
          ...(body === undefined ? {} : { 'content-length': body.length }),
        },
      });
      // Whole time, not silence: a server that sends a byte now and then must not hold a batch.
      const timer = setTimeout(() => {
        const late = new Error(`no answer within ${timeoutMs} ms`);
        request.destroy(late);
        // A request that still waits for its tunnel would say so only when it has one.
        fail(late);
      }, timeoutMs);
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
    close: () => target.agent.destroy(),
  };
}

/** Where requests go in fact: to the server, by a tunnel to the server, or to the proxy, which is told the server. */
async function createTarget(options: TransportOptions) {
  const { url, proxy } = options;
  const isForwarded = proxy !== undefined && !isTls(url);
  const next = isForwarded ? proxy : url;
  const client = isTls(next) ? await import('node:https') : await import('node:http');
  const agent = new client.Agent({
    keepAlive: true,
    maxSockets: 3,
    maxFreeSockets: 1,
    ...(isTls(next) && !isForwarded ? toTlsOptions(options) : {}),
  });
  if (proxy !== undefined && !isForwarded) await tunnelThrough(agent, proxy, url);
  return {
    client,
    agent,
    address: { protocol: next.protocol, hostname: hostOf(next), port: next.port },
    pathBefore: isForwarded ? url.origin : '',
  };
}

/** TLS 1.2 is what REQ-AGENT-004 asks for at least. */
function toTlsOptions(options: TransportOptions): TLSSocketOptions & SecureContextOptions {
  const { ca, clientCertificate, serverName } = options;
  return {
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...clientCertificate,
    ...(serverName === undefined ? {} : { servername: serverName }),
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
      samplesWritten: parseCount(response.headers['x-prometheus-remote-write-samples-written']),
      headers: response.headers,
      text: Buffer.concat(chunks).subarray(0, answerBytesKept).toString('utf8'),
    });
  });
}

function parseCount(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d+$/.test(header) ? Number(header) : undefined;
}
