import { readFileSync } from 'node:fs';
import { can } from '../access/index.ts';
import { createHttpServer, type HttpServerDeps } from '../http/index.ts';
import type { Live } from '../live/index.ts';
import { ofTenant } from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';
import { parseListen } from './listen-address.ts';

type Parts = Pick<
  HttpServerDeps,
  'routes' | 'readCache' | 'allowances' | 'authenticate' | 'rawHandlers'
>;

/** Listens as the configuration says, until the stop: the address at which this machine reaches it. */
export async function openServer(
  foundation: Foundation,
  { live, ...parts }: Parts & { live: Live | undefined },
): Promise<string> {
  const { lifecycle, loaded, log, meters } = foundation;
  const { config } = loaded;
  const server = createHttpServer({
    ...parts,
    ofTenant,
    can,
    upgradePath: live?.path,
    ...tlsOf(foundation),
    limits: {
      maxHeaderBytes: config.http.maxHeaderBytes,
      headersTimeoutMs: config.http.headersTimeout,
      requestTimeoutMs: config.http.requestTimeout,
    },
    maxBodyBytes: config.http.maxBodyBytes,
    trustedProxies: config.http.trustedProxies,
    log: log.child('http'),
    meters,
  });
  // Before anybody can come, so that nobody is told that there is nothing at its path.
  live?.attach(server.server);
  const { host, port } = parseListen(config.listen);
  const address = await server.listen(host, port);
  lifecycle.onStop('HTTP server', () => server.close());
  if (live) lifecycle.onStop('live updates', () => live.close());
  return urlOf(foundation, host, address.port);
}

function tlsOf({ loaded }: Foundation): { tls?: { cert: string; key: string } } {
  const { cert, key } = loaded.config.tls;
  if (cert === undefined || key === undefined) return {};
  return { tls: { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') } };
}

/** How this machine reaches the server; a server on every address is asked on loopback. */
function urlOf({ loaded }: Foundation, host: string, port: number): string {
  const scheme = loaded.config.tls.cert === undefined ? 'http' : 'https';
  const isEvery = host === '' || host === '0.0.0.0' || host === '::';
  const name = isEvery ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return `${scheme}://${name}:${String(port)}`;
}
