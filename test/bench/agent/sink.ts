import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Stage } from '../../support/stage.ts';

/** A TLS server that takes what agents send, keeps none of it, and counts bytes by host. */
export interface TlsSink {
  url: string;
  caFile: string;
  /** Write requests and their body bytes by `X-Bench` path prefix of the agent. */
  received(prefix: string): { posts: number; bytes: number };
  /** Refuses connections until it is called with true. */
  setUp(isUp: boolean): Promise<void>;
}

export async function startTlsSink(stage: Stage): Promise<TlsSink> {
  const directory = stage.directory();
  const keyFile = join(directory, 'key.pem');
  const caFile = join(directory, 'cert.pem');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...[
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
        '-keyout',
        keyFile,
        '-out',
        caFile,
      ],
    ],
    { stdio: 'ignore' },
  );
  const counts = new Map<string, { posts: number; bytes: number }>();
  const server = createServer(
    { key: readFileSync(keyFile), cert: readFileSync(caFile), keepAliveTimeout: 75_000 },
    (request, response) => {
      const [, prefix = '', ...rest] = (request.url ?? '').split('/');
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => {
        if (rest.at(-1) !== 'write') {
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify({ server_time_ms: Date.now() }));
          return;
        }
        const count = counts.get(prefix) ?? { posts: 0, bytes: 0 };
        counts.set(prefix, { posts: count.posts + 1, bytes: count.bytes + bytes });
        response.writeHead(204).end();
      });
    },
  );
  const listen = (port: number) =>
    new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  stage.onEnd(close);
  return {
    url: `https://localhost:${String(port)}`,
    caFile,
    received: (prefix) => counts.get(prefix) ?? { posts: 0, bytes: 0 },
    setUp: (isUp) => (isUp ? listen(port) : close()),
  };
}
