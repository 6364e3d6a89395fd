import type { Authenticate } from '../../src/access/index.ts';
import { can } from '../../src/access/index.ts';
import { createHttpServer, type RawHandler, type Route } from '../../src/http/index.ts';
import { createMeters, silentLogger, type Logger, type Meters } from '../../src/platform/index.ts';

export interface TestServer {
  url: string;
  port: number;
  meters: Meters;
  close(): Promise<void>;
}

interface Options {
  routes: readonly Route[];
  authenticate: Authenticate;
  rawHandlers?: readonly RawHandler[];
  tls?: { cert: string; key: string };
  limits?: { maxHeaderBytes: number; headersTimeoutMs: number; requestTimeoutMs: number };
  log?: Logger;
}

/** The real server on a free port of loopback. */
export async function serve(options: Options): Promise<TestServer> {
  const meters = createMeters();
  const server = createHttpServer({
    ...{ routes: options.routes, rawHandlers: options.rawHandlers ?? [], can, meters },
    ...{ authenticate: options.authenticate, log: options.log ?? silentLogger },
    limits: options.limits ?? {
      ...{ maxHeaderBytes: 16_384, headersTimeoutMs: 5_000, requestTimeoutMs: 10_000 },
    },
    maxBodyBytes: 10_000,
    ...(options.tls ? { tls: options.tls } : {}),
  });
  const { port } = await server.listen('127.0.0.1', 0);
  const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  return { url, port, meters, close: () => server.close() };
}
