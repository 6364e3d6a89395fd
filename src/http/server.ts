import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createApp, type AppDeps } from './app.ts';
import { upgradedOnlyBelow } from './upgrade.ts';
import type { RawHandler } from './write/handler.ts';

export interface HttpLimits {
  maxHeaderBytes: number;
  headersTimeoutMs: number;
  requestTimeoutMs: number;
}

export interface HttpServerDeps extends Omit<AppDeps, 'isTls'> {
  /** Asked before Express, in order. */
  rawHandlers: readonly RawHandler[];
  /** Below which connections may be upgraded; nowhere without it. */
  upgradePath?: string | undefined;
  /** PEM texts; TLS 1.2 or newer is spoken when given. */
  tls?: { cert: string; key: string };
  limits: HttpLimits;
}

export interface HttpServer {
  /** Port 0 takes a free one. Rejects where the address is taken. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** For what upgrades connections (live updates). */
  readonly server: Server;
  /** Answers what is being asked, takes nothing new, ends idle connections. */
  close(): Promise<void>;
}

/** A slow client is cut off here, not by a proxy: 3,000 slow connections stay harmless (field notes, P8). */
const connectionsCheckingIntervalMs = 1_000;

export function createHttpServer(deps: HttpServerDeps): HttpServer {
  const app = createApp({ ...deps, isTls: deps.tls !== undefined });
  let isClosing = false;
  const listener: RequestListener = (req, res) => {
    if (isClosing) res.setHeader('Connection', 'close');
    const path = pathOf(req.url ?? '/');
    for (const raw of deps.rawHandlers) {
      if (!raw.matches(path)) continue;
      if (deps.tls) res.setHeader('Strict-Transport-Security', 'max-age=31536000');
      raw.handle(req, res);
      return;
    }
    app(req, res);
  };
  const server = create(deps, listener);
  server.on('clientError', refuseNoHttp);
  return {
    server,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
          server.off('error', reject);
          resolve(server.address() as AddressInfo);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        isClosing = true;
        // A connection that is kept alive turns idle when its answer is out, and would hold up the end.
        const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
        const force = setTimeout(() => server.closeAllConnections(), drainMs);
        server.close(() => {
          clearInterval(sweep);
          clearTimeout(force);
          resolve();
        });
      }),
  };
}

/** How long requests that are being answered at a stop may take. */
const drainMs = 5_000;
const sweepMs = 50;

function create(deps: HttpServerDeps, listener: RequestListener): Server {
  const options = {
    maxHeaderSize: deps.limits.maxHeaderBytes,
    headersTimeout: deps.limits.headersTimeoutMs,
    requestTimeout: deps.limits.requestTimeoutMs,
    connectionsCheckingInterval: connectionsCheckingIntervalMs,
    keepAliveTimeout: 75_000,
    noDelay: true,
    IncomingMessage: upgradedOnlyBelow(deps.upgradePath),
  };
  if (!deps.tls) return createPlainServer(options, listener);
  return createTlsServer({ ...options, ...deps.tls, minVersion: 'TLSv1.2' }, listener);
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? url : url.slice(0, mark);
}

const statusLines: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What is no HTTP, too slow or too long gets one line and is cut; logged, a flood of it would fill the log. */
function refuseNoHttp(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const line = statusLines[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => {
    socket.destroy();
  });
}
