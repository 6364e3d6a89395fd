import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createTransport,
  type Transport,
  type TransportOptions,
} from '../../../exporter-agent/send/https.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => sockets.add(socket));
  server.on('secureConnection', (socket: net.Socket) => sockets.add(socket));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

async function transportTo(
  url: string,
  ca?: string,
  more: Partial<TransportOptions> = {},
): Promise<Transport> {
  const transport = await createTransport({
    url: new URL(url),
    key: 'the-key',
    userAgent: 'gaugeway-agent/test',
    ca,
    ...more,
  });
  cleanups.push(() => transport.close());
  return transport;
}

const post = (transport: Transport, timeoutMs = 5_000) =>
  transport.post('/api/v1/write', Buffer.from('body'), { 'content-type': 'x/y' }, timeoutMs);

describe('the transport of the agent', () => {
  it('posts the body with key, headers and the path of its address, over one connection', async () => {
    const seen: { url: string | undefined; headers: http.IncomingHttpHeaders; body: string }[] = [];
    let connections = 0;
    const server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push({ url: request.url, headers: request.headers, body });
        response.writeHead(204).end();
      });
    });
    server.on('connection', () => (connections += 1));
    const transport = await transportTo(`http://127.0.0.1:${await listen(server)}/base/`);
    await post(transport);
    await post(transport);
    expect(connections).toBe(1);
    expect(seen[1]).toMatchObject({
      url: '/base/api/v1/write',
      body: 'body',
      headers: {
        authorization: 'Bearer the-key',
        'user-agent': 'gaugeway-agent/test',
        'content-type': 'x/y',
        'content-length': '4',
      },
    });
  });

  it('tells status, text and Retry-After', async () => {
    const server = http.createServer((request, response) => {
      request.resume();
      response.writeHead(429, { 'retry-after': '7' }).end('too many');
    });
    const transport = await transportTo(`http://127.0.0.1:${await listen(server)}`);
    expect(await post(transport)).toMatchObject({
      kind: 'answered',
      status: 429,
      retryAfterMs: 7_000,
      samplesWritten: undefined,
      text: 'too many',
    });
  });

  it('tells how many samples were written', async () => {
    const server = http.createServer((request, response) => {
      request.resume();
      response.writeHead(204, { 'X-Prometheus-Remote-Write-Samples-Written': '42' }).end();
    });
    const transport = await transportTo(`http://127.0.0.1:${await listen(server)}`);
    expect(await post(transport)).toMatchObject({ samplesWritten: 42 });
  });

  it('follows no redirect: the key is for the configured address alone', async () => {
    let elsewhere = 0;
    const other = http.createServer((_request, response) => {
      elsewhere += 1;
      response.end();
    });
    const location = `http://127.0.0.1:${await listen(other)}/`;
    const server = http.createServer((request, response) => {
      request.resume();
      response.writeHead(307, { location }).end();
    });
    const transport = await transportTo(`http://127.0.0.1:${await listen(server)}`);
    expect(await post(transport)).toMatchObject({ status: 307 });
    expect(elsewhere).toBe(0);
  });

  it('keeps no more than 64 KiB of an endless answer', async () => {
    const server = http.createServer((request, response) => {
      request.resume();
      response.end(Buffer.alloc(4 * 1024 * 1024, 'x'));
    });
    const transport = await transportTo(`http://127.0.0.1:${await listen(server)}`);
    const answer = await post(transport);
    expect(answer.kind === 'answered' && answer.text.length).toBe(64 * 1024);
  });

  it.each<[string, (socket: net.Socket) => void]>([
    ['garbage', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['a closed connection', (socket) => socket.destroy()],
    ['half an answer', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab')],
    ['silence', () => undefined],
    ['a drip', (socket) => drip(socket)],
  ])('calls %s a failure', async (_, answer) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => answer(socket));
    });
    const transport = await transportTo(`http://127.0.0.1:${await listen(server)}`);
    expect((await post(transport, 300)).kind).toBe('failed');
  });

  it('calls a refused connection a failure', async () => {
    const server = net.createServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    const answer = await post(await transportTo(`http://127.0.0.1:${port}`));
    expect(answer).toMatchObject({ kind: 'failed', message: expect.stringContaining('REFUSED') });
  });

  it('speaks TLS with an own CA, and not with one it does not know', async () => {
    const { key, cert } = makeCertificate();
    const server = https.createServer({ key, cert }, (request, response) => {
      request.resume();
      response.writeHead(204).end();
    });
    const url = `https://127.0.0.1:${await listen(server)}`;
    expect(await post(await transportTo(url, cert))).toMatchObject({ status: 204 });
    expect((await post(await transportTo(url))).kind).toBe('failed');
  });

  it('takes the name it is told for the one in the certificate', async () => {
    const { key, cert } = makeCertificate('DNS:gaugeway.internal');
    const server = https.createServer({ key, cert }, accept);
    const url = `https://127.0.0.1:${await listen(server)}`;
    const named = await transportTo(url, cert, { serverName: 'gaugeway.internal' });
    expect(await post(named)).toMatchObject({ status: 204 });
    expect(await post(await transportTo(url, cert))).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('127.0.0.1'),
    });
  });

  it('shows its certificate to a server that asks for one, and is refused without', async () => {
    const server = makeCertificate();
    const client = makeCertificate();
    const asking = https.createServer(
      { ...server, ca: client.cert, requestCert: true, rejectUnauthorized: true },
      accept,
    );
    const url = `https://127.0.0.1:${await listen(asking)}`;
    const known = await transportTo(url, server.cert, { clientCertificate: client });
    expect(await post(known)).toMatchObject({ status: 204 });
    expect((await post(await transportTo(url, server.cert))).kind).toBe('failed');
  });

  it('does not speak TLS older than 1.2', async () => {
    const { key, cert } = makeCertificate();
    const server = https.createServer(
      { key, cert, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      (_request, response) => response.end(),
    );
    const url = `https://127.0.0.1:${await listen(server)}`;
    expect((await post(await transportTo(url, cert))).kind).toBe('failed');
  });
});

/** An HTTP proxy that wants a password, and what it was asked for. */
async function startProxy(): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const isKnown = (request: http.IncomingMessage) =>
    request.headers['proxy-authorization'] ===
    `Basic ${Buffer.from('agent:p@ss').toString('base64')}`;
  const proxy = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url} for ${request.headers.host}`);
    if (!isKnown(request)) {
      response.writeHead(407).end();
      return;
    }
    const headers = { ...request.headers };
    delete headers['proxy-authorization'];
    const onward = http.request(request.url ?? '', { method: 'POST', headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  proxy.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
    asked.push(`CONNECT ${request.url}`);
    socket.on('error', () => undefined);
    if (!isKnown(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const onward = net.connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
    cleanups.push(() => onward.destroy());
  });
  return { url: `http://agent:p%40ss@127.0.0.1:${await listen(proxy)}`, asked };
}

describe('the transport of the agent, through a proxy', () => {
  it('speaks TLS with the server inside one tunnel', async () => {
    const { key, cert } = makeCertificate();
    const seen: http.IncomingHttpHeaders[] = [];
    const server = https.createServer({ key, cert }, (request, response) => {
      seen.push(request.headers);
      accept(request, response);
    });
    const port = await listen(server);
    const { url, asked } = await startProxy();
    const transport = await transportTo(`https://127.0.0.1:${port}`, cert, { proxy: new URL(url) });
    expect(await post(transport)).toMatchObject({ status: 204 });
    expect(await post(transport)).toMatchObject({ status: 204 });
    expect(asked).toEqual([`CONNECT 127.0.0.1:${port}`]);
    expect(seen[0]).toMatchObject({ authorization: 'Bearer the-key' });
    expect(seen[0]).not.toHaveProperty('proxy-authorization');
  });

  it('does not trust a server it does not know, tunnel or not', async () => {
    const { key, cert } = makeCertificate();
    const port = await listen(https.createServer({ key, cert }, accept));
    const { url } = await startProxy();
    const transport = await transportTo(`https://127.0.0.1:${port}`, undefined, {
      proxy: new URL(url),
    });
    expect((await post(transport)).kind).toBe('failed');
  });

  it('hands the proxy what goes to a server without TLS', async () => {
    const seen: http.IncomingHttpHeaders[] = [];
    const server = http.createServer((request, response) => {
      seen.push(request.headers);
      accept(request, response);
    });
    const host = `127.0.0.1:${await listen(server)}`;
    const { url, asked } = await startProxy();
    const transport = await transportTo(`http://${host}/base`, undefined, { proxy: new URL(url) });
    expect(await post(transport)).toMatchObject({ status: 204 });
    expect(asked).toEqual([`POST http://${host}/base/api/v1/write for ${host}`]);
    expect(seen[0]).toMatchObject({ authorization: 'Bearer the-key', host });
  });

  it('names a proxy that refuses, and not the password', async () => {
    const { key, cert } = makeCertificate();
    const port = await listen(https.createServer({ key, cert }, accept));
    const proxy = new URL((await startProxy()).url.replace('p%40ss', 'secret'));
    const answer = await post(await transportTo(`https://127.0.0.1:${port}`, cert, { proxy }));
    expect(answer).toEqual({
      kind: 'failed',
      message: `proxy ${proxy.host}: answered CONNECT with 407`,
    });
  });

  it.each<[string, string, (socket: net.Socket) => void]>([
    ['hangs up', 'hang up', (socket) => socket.destroy()],
    ['talks nonsense', 'Parse Error', (socket) => socket.end('220 mail ready\r\n')],
    ['says nothing', 'no answer within 500 ms', () => undefined],
  ])('calls a proxy that %s a failure: %s', async (_, message, answer) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => answer(socket));
    });
    const proxy = new URL(`http://127.0.0.1:${await listen(server)}`);
    const transport = await transportTo('https://127.0.0.1:1', undefined, { proxy });
    expect(await post(transport, 500)).toEqual({
      kind: 'failed',
      message: expect.stringContaining(message),
    });
  });
});

function accept(request: http.IncomingMessage, response: http.ServerResponse): void {
  request.resume();
  response.writeHead(204).end();
}

function drip(socket: net.Socket): void {
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n');
  const timer = setInterval(() => socket.write('.'), 50);
  socket.on('close', () => clearInterval(timer));
}

function makeCertificate(name = 'IP:127.0.0.1'): { key: string; cert: string } {
  const directory = fs.mkdtempSync(join(tmpdir(), 'gaugeway-tls-'));
  cleanups.push(() => fs.rmSync(directory, { recursive: true, force: true }));
  const args =
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x
    -addext subjectAltName=${name} -keyout key.pem -out cert.pem`.split(/\s+/);
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const read = (name: string) => fs.readFileSync(join(directory, name), 'utf8');
  return { key: read('key.pem'), cert: read('cert.pem') };
}
