import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogins, type Login } from '../../../src/cli/logins.ts';
import { createRemote } from '../../../src/cli/remote.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.end());

type Handle = (req: IncomingMessage, res: ServerResponse) => void;

async function serve(handle: Handle): Promise<string> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

function open(url: string, timeoutMs = 30_000, ca?: string) {
  const slept: number[] = [];
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const remote = createRemote({
    ...{ url, ca, timeoutMs, version: '1.2.3' },
    progress: { say, tell: say, clear: () => undefined },
    authorization: () => Promise.resolve('Bearer secret'),
    sleep: (ms) => Promise.resolve(slept.push(ms)),
  });
  stage.onEnd(() => remote.close());
  return { remote, slept, said };
}

function makeCertificate(): { key: string; cert: string } {
  const directory = stage.directory();
  const [key, cert] = [`${directory}/key.pem`, `${directory}/cert.pem`];
  const subject = ['-subj', '/CN=gaugeway', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, ...files], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

const refusal = (res: ServerResponse, status: number, headers = {}): void => {
  res.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'r1', ...headers });
  const details = { issues: [{ field: 'limit', message: 'is too small' }] };
  res.end(JSON.stringify({ error: { code: 'X', message: 'no\x1b[2J', details } }));
};

describe('a remote server', () => {
  it('is asked again for a read after as long as it says, and the wait is told', async () => {
    let asked = 0;
    const url = await serve((_req, res) => {
      asked += 1;
      if (asked < 3) refusal(res, 429, { 'retry-after': '7' });
      else res.end('{"ok":true}');
    });
    const { remote, slept, said } = open(url);
    expect(await remote.get('/x')).toEqual({ ok: true });
    expect(slept).toEqual([7_000, 7_000]);
    expect(said[0]).toContain('waiting 7 s');
  });

  it('is not waited for longer than two minutes, nor asked twice for what changes something', async () => {
    let asked = 0;
    const url = await serve((_req, res) => {
      asked += 1;
      refusal(res, 429, { 'retry-after': '50' });
    });
    const { remote, slept } = open(url);
    await expect(remote.get('/x')).rejects.toMatchObject({ exitCode: 7 });
    expect(slept).toEqual([50_000, 50_000]);
    asked = 0;
    await expect(remote.send('POST', '/x', { body: {} })).rejects.toMatchObject({ exitCode: 7 });
    expect(asked).toBe(1);
  });

  it.each([
    [400, 2],
    [401, 4],
    [403, 4],
    [404, 5],
    [409, 6],
    [500, 1],
    [503, 3],
  ])(
    'that answers %i is told in one line with the request, and ends with %i',
    async (status, code) => {
      const { remote } = open(await serve((_req, res) => refusal(res, status)));
      await expect(remote.get('/x')).rejects.toMatchObject({
        exitCode: code,
        message: 'no�[2J (request r1)\n  limit: is too small',
      });
    },
  );

  it('that is no Gaugeway, or is elsewhere, is told as such', async () => {
    const html = await serve((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    });
    await expect(open(html).remote.get('/x')).rejects.toMatchObject({
      ...{ exitCode: 3, hint: 'is this the address of a Gaugeway?' },
    });
    const moved = await serve((_req, res) => {
      res.writeHead(302, { location: 'https://other.example/' }).end();
    });
    await expect(open(moved).remote.get('/x')).rejects.toThrow('it is at https://other.example/');
  });

  it('that is silent is given up', async () => {
    const { remote } = open(await serve(() => undefined), 50);
    await expect(remote.get('/x')).rejects.toMatchObject({ exitCode: 3 });
  });

  it('with a certificate of its own is believed with its authority, and else not', async () => {
    const { key, cert } = makeCertificate();
    const server = createTlsServer({ key, cert }, (_req, res) => void res.end('{"ok":true}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stage.onEnd(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    expect(await open(url, 30_000, cert).remote.get('/x')).toEqual({ ok: true });
    await expect(open(url).remote.get('/x')).rejects.toMatchObject({
      ...{ exitCode: 3, hint: expect.stringContaining('--ca') },
    });
  });

  it('gives files by links of its own, by whatever name, without a credential', async () => {
    let seen: IncomingMessage['headers'] = {};
    const url = await serve((req, res) => {
      seen = req.headers;
      if (req.url === '/exports/a.csv?sig=1') res.end('a,b\n');
      else refusal(res, 403);
    });
    const { remote } = open(url);
    const chunks: string[] = [];
    const into = () =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          chunks.push(chunk.toString());
          done();
        },
      });
    const link = 'https://public.example/exports/a.csv?sig=1';
    expect(await remote.download(link, into(), () => undefined)).toBe(4);
    expect(chunks).toEqual(['a,b\n']);
    expect(seen.authorization).toBeUndefined();
    await expect(
      remote.download(`${url}/exports/b`, into(), () => undefined),
    ).rejects.toMatchObject({
      exitCode: 4,
    });
  });
});

describe('what logins leave', () => {
  const login: Login = {
    ...{ email: 'a@example.com', role: 'Viewer', refreshToken: 'r', accessToken: 'a' },
    accessExpiresAtMs: 1,
  };

  it('is a file of its owner alone, with one session for each server', () => {
    const directory = `${stage.directory()}/gaugeway`;
    const logins = createLogins({ directory, sleep: () => Promise.resolve() });
    expect(logins.current()).toBeUndefined();
    logins.save('http://one', login);
    logins.choose('http://one');
    logins.save('http://two', { ...login, email: 'b@example.com' });
    expect(logins.current()).toBe('http://one');
    expect(logins.of('http://two')?.email).toBe('b@example.com');
    expect(statSync(logins.path).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    logins.remove('http://one');
    expect([logins.current(), logins.of('http://one')]).toEqual([undefined, undefined]);
    expect(logins.of('http://two')).toBeDefined();
    expect(readdirSync(directory)).toEqual(['login.json']);
  });

  it('is changed by one at a time', async () => {
    const logins = createLogins({
      directory: stage.directory(),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    });
    let inside = 0;
    const work = async (): Promise<number> => {
      inside += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      const seen = inside;
      inside -= 1;
      return seen;
    };
    const seen = await Promise.all([1, 2, 3].map(() => logins.alone(work)));
    expect(seen).toEqual([1, 1, 1]);
  });
});
