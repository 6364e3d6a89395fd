import { createServer } from 'node:net';
import { GaugewayError } from '../platform/index.ts';

export interface ListenAddress {
  /** Without the brackets of IPv6; empty for every address. */
  host: string;
  port: number;
}

/** `127.0.0.1:8080`, `[::1]:8080`, `:8080`; the configuration has judged the form already. */
export function parseListen(listen: string): ListenAddress {
  const at = listen.lastIndexOf(':');
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) };
}

/** Asked before anything else is started. UNAVAILABLE says what to change. */
export async function requireFree(listen: string): Promise<void> {
  const { host, port } = parseListen(listen);
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const reason = reasons[code] ?? `cannot be listened on (${code})`;
    throw new GaugewayError(
      'UNAVAILABLE',
      `${listen} ${reason}. Choose another address with GAUGEWAY_LISTEN, for example GAUGEWAY_LISTEN=127.0.0.1:8081.`,
      { cause: error },
    );
  } finally {
    server.close();
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another process',
  EACCES: 'may not be listened on by this user',
  EADDRNOTAVAIL: 'is no address of this machine',
};
