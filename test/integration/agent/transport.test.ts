import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createTransport, type Transport } from '../../../exporter-agent/send/https.ts';

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

async function transportTo(url: string, ca?: string): Promise<Transport> {
  const transport = await createTransport({
    url: new URL(url),
    key: 'the-key',
    userAgent: 'gaugeway-agent/test',
    ca,
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
    expect(await post(transport)).toEqual({
      kind: 'answered',
      status: 429,
      retryAfterMs: 7_000,
      samplesWritten: undefined,
      text: 'too many',
    });
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

function drip(socket: net.Socket): void {
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n');
  const timer = setInterval(() => socket.write('.'), 50);
  socket.on('close', () => clearInterval(timer));
}

function makeCertificate(): { key: string; cert: string } {
  const directory = fs.mkdtempSync(join(tmpdir(), 'gaugeway-tls-'));
  cleanups.push(() => fs.rmSync(directory, { recursive: true, force: true }));
  const args =
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x
    -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem`.split(/\s+/);
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const read = (name: string) => fs.readFileSync(join(directory, name), 'utf8');
  return { key: read('key.pem'), cert: read('cert.pem') };
}
