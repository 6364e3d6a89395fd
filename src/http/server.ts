import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createApp, type AppDeps } from './app.ts';
import type { RawHandler } from './write/handler.ts';

export interface HttpLimits {
  maxHeaderBytes: number;
  headersTimeoutMs: number;
  requestTimeoutMs: number;
}

export interface HttpServerDeps extends Omit<AppDeps, 'isTls'> {
  /** Asked before Express, in order. */
  rawHandlers: readonly RawHandler[];
  /** PEM texts; TLS 1.2 or newer is spoken when given. */
  tls?: { cert: string; key: string };
  limits: HttpLimits;
}

export interface HttpServer {
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Answers what is being asked, takes nothing new, ends idle connections. */
  close(): Promise<void>;
}

/** A slow client is cut off here, not by a proxy: 3,000 slow connections stay harmless (field notes, P8). */
const connectionsCheckingIntervalMs = 1_000;

export function createHttpServer(deps: HttpServerDeps): HttpServer {
  const app = createApp({ ...deps, isTls: deps.tls !== undefined });
  const listener: RequestListener = (req, res) => {
    const path = pathOf(req.url ?? '/');
    for (const raw of deps.rawHandlers) {
      if (raw.matches(path)) {
        raw.handle(req, res);
        return;
      }
    }
    app(req, res);
  };
  const server = create(deps, listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return {
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
        const force = setTimeout(() => {
          for (const socket of sockets) socket.destroy();
        }, drainMs);
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** How long requests that are being answered at a stop may take. */
const drainMs = 5_000;

function create(deps: HttpServerDeps, listener: RequestListener): Server {
  const options = {
    maxHeaderSize: deps.limits.maxHeaderBytes,
    headersTimeout: deps.limits.headersTimeoutMs,
    requestTimeout: deps.limits.requestTimeoutMs,
    connectionsCheckingInterval: connectionsCheckingIntervalMs,
    keepAliveTimeout: 75_000,
    noDelay: true,
  };
  if (!deps.tls) return createPlainServer(options, listener);
  return createTlsServer({ ...options, ...deps.tls, minVersion: 'TLSv1.2' }, listener);
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? url : url.slice(0, mark);
}
