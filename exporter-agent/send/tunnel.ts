import type * as http from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { hostOf, isTls, proxyAuthorization } from './proxy.ts';

const connectTimeoutMs = 10_000;

type Connected = (error: Error | null, socket?: Socket) => void;

/**
 * Lets an agent of node:https make its connections through an HTTP proxy by CONNECT (RFC 9110 §9.3.6). TLS is spoken
 * with the server inside the tunnel, so that the proxy sees neither key nor figures.
 */
export async function tunnelThrough(agent: http.Agent, proxy: URL, target: URL): Promise<void> {
  const tls = await import('node:tls');
  const open = await createOpener(proxy, `${target.hostname}:${target.port || '443'}`);
  const connect = (options: ConnectionOptions, connected: Connected): undefined => {
    open((error, socket) => {
      if (error || !socket) connected(error ?? new Error('no tunnel'));
      else connected(null, tls.connect({ ...options, socket }));
    });
    return undefined;
  };
  // Types of Node 20 know only the form that returns a socket at once; its documentation knows both.
  Object.assign(agent, { createConnection: connect });
}

async function createOpener(proxy: URL, authority: string): Promise<(done: Connected) => void> {
  const client = isTls(proxy) ? await import('node:https') : await import('node:http');
  return (done) => {
    const request = client.request({
      protocol: proxy.protocol,
      hostname: hostOf(proxy),
      port: proxy.port,
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...proxyAuthorization(proxy) },
      agent: false,
    });
    const fail = (message: string) => done(new Error(`proxy ${proxy.host}: ${message}`));
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    request.on('close', () => clearTimeout(timer));
    request.on('error', (error) => fail(error.message));
    request.on('response', (response) => {
      response.resume();
      fail(`answered CONNECT with ${response.statusCode ?? 0}`);
    });
    request.on('connect', (response, socket, head) => {
      clearTimeout(timer);
      if (response.statusCode !== 200) {
        socket.destroy();
        fail(`answered CONNECT with ${response.statusCode ?? 0}`);
        return;
      }
      if (head.length > 0) socket.unshift(head);
      done(null, socket);
    });
    request.end();
  };
}
