import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Point } from '../collect/run.ts';
import type { ListenAddress } from './address.ts';
import { expositionType, toExposition } from './exposition.ts';

export interface Listener {
  /** The port that was bound. */
  port: number;
  /** What `/metrics` shows until the next tick. */
  show: (points: readonly Point[]) => void;
  close(): void;
}

const maxConnections = 16;
const requestTimeoutMs = 5_000;

/**
 * The agent as an ordinary exporter: `GET /metrics` shows the last tick, the very values that were pushed. node:http is
 * loaded only where it is asked for. Rejects where the address cannot be bound.
 */
export async function startListener(address: ListenAddress): Promise<Listener> {
  const { createServer } = await import('node:http');
  let shown: readonly Point[] = [];
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
    (request, response) => answer(request, response, () => toExposition(shown)),
  );
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host === '' ? undefined : address.host, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
    show: (points) => (shown = points),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const page =
  '<html><head><title>gaugeway-agent</title></head><body><a href="/metrics">Metrics</a></body></html>\n';

function answer(request: IncomingMessage, response: ServerResponse, metrics: () => string): void {
  const send = (status: number, type: string, body: string, headers = {}): void => {
    response.writeHead(status, { ...headers, 'content-type': type });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  request.resume();
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(405, 'text/plain', 'GET only\n', { allow: 'GET, HEAD' });
    return;
  }
  const path = (request.url ?? '').split('?', 1)[0];
  if (path === '/metrics') send(200, expositionType, metrics());
  else if (path === '/') send(200, 'text/html', page);
  else send(404, 'text/plain', 'not found: see /metrics\n');
}
