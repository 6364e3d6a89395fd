import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Authenticate } from '../access/index.ts';
import type { Logger, Meters } from '../platform/index.ts';
import { createApp } from './app.ts';
import type { Route } from './route.ts';

/** Takes requests before Express sees them: its stack costs some 75 µs a request. */
export interface RawHandler {
  /** The path without its query string. */
  matches(path: string): boolean;
  handle(req: IncomingMessage, res: ServerResponse): void;
}

export interface HttpLimits {
  maxHeaderBytes: number;
  /** Of requests that Express handles. */
  maxBodyBytes: number;
  /** For a client to send its headers, and its whole request; Node's own are minutes. */
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  /** Addresses (CIDR) whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
}

export const defaultHttpLimits: HttpLimits = {
  maxHeaderBytes: 16_384,
  maxBodyBytes: 1_048_576,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  trustedProxies: [],
};

export interface HttpServerDeps {
  routes: readonly Route[];
  rawHandlers: readonly RawHandler[];
  authenticate: Authenticate;
  /** PEM; absent: plain HTTP. */
  tls?: { cert: string; key: string };
  limits: HttpLimits;
  log: Logger;
  meters: Meters;
}

export interface HttpServer {
  /** Port 0 takes a free one. Rejects where the address is taken. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** For what upgrades connections (socket.io). */
  readonly server: Server;
  /** Takes no more connections, lets requests in work end, and cuts what is left after `withinMs`. */
  close(withinMs?: number): Promise<void>;
}

const hsts = 'max-age=31536000';
const keepAliveMs = 65_000;

export function createHttpServer(deps: HttpServerDeps): HttpServer {
  const { limits, tls, rawHandlers } = deps;
  const { maxBodyBytes, trustedProxies } = limits;
  const app = createApp({ ...deps, isTls: tls !== undefined, maxBodyBytes, trustedProxies });
  let isClosing = false;

  function take(req: IncomingMessage, res: ServerResponse): void {
    if (isClosing) res.setHeader('Connection', 'close');
    const path = pathOf(req.url ?? '/');
    for (const raw of rawHandlers) {
      if (!raw.matches(path)) continue;
      if (tls) res.setHeader('Strict-Transport-Security', hsts);
      raw.handle(req, res);
      return;
    }
    app(req, res);
  }

  const options = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    keepAliveTimeout: keepAliveMs,
  };
  const server = tls
    ? createTlsServer({ ...options, ...tls, minVersion: 'TLSv1.2' }, take)
    : createServer(options, take);
  server.on('clientError', refuseBadRequest);

  return {
    server,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, () => {
          server.off('error', reject);
          resolve(server.address() as AddressInfo);
        });
      }),
    close: (withinMs = 10_000) =>
      new Promise((resolve) => {
        isClosing = true;
        const cut = setTimeout(() => server.closeAllConnections(), withinMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}

const statusLines: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What is not HTTP, too slow or too long gets one line and is cut; nothing is logged, or a flood would fill the log. */
function refuseBadRequest(error: NodeJS.ErrnoException, socket: Duplex) {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const line = statusLines[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => {
    socket.destroy();
  });
}
