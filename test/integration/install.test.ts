import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installRoutes } from '../../src/http/index.ts';
import { createInstallKit, findRuntime } from '../../src/install/index.ts';
import { serve, type TestServer } from '../support/http.ts';

let folder: string;
let server: TestServer;
let named: TestServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gaugeway-handout-'));
  const bundle = join(folder, 'agent.js');
  writeFileSync(bundle, 'export {};\n');
  const kit = createInstallKit({
    ...{ bundle, folder: 'exporter-agent/install', cacheDir: join(folder, 'cache') },
    runtime: findRuntime(process),
  });
  const authenticate = () => ({ ok: false, reason: 'missing' }) as const;
  server = await serve({ routes: installRoutes({ kit, publicUrl: undefined }), authenticate });
  const publicUrl = new URL('https://metrics.example/gauges/');
  named = await serve({ routes: installRoutes({ kit, publicUrl }), authenticate });
});

afterAll(async () => {
  await Promise.all([server.close(), named.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** As fetch cannot ask: with any Host header. */
function getAs(host: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    request(`${server.url}/install.sh`, { headers: { host } }, (answer) => {
      let text = '';
      answer.on('data', (data: Buffer) => (text += data.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

describe('GET /install.sh', () => {
  it('needs no credential and names the server as the asker has reached it', async () => {
    const answer = await fetch(`${server.url}/install.sh`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/x-shellscript');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.text()).toContain(`\nserver_url='${server.url}'\n`);
  });

  it('names the public address where one is configured', async () => {
    const text = await (await fetch(`${named.url}/install.sh`)).text();
    expect(text).toContain("\nserver_url='https://metrics.example/gauges'\n");
  });

  it.each(['gaugeway.example', 'gaugeway.example:8080', '10.0.0.1:80', '[::1]:8080'])(
    'takes the host %s',
    async (host) => {
      const { status, text } = await getAs(host);
      expect([
        status,
        text.includes(`\nserver_url='http://${host.replace(/:80$/, '')}'\n`),
      ]).toEqual([200, true]);
    },
  );

  it.each(["x';reboot;'", '$(reboot)', 'a b', '`id`', 'user@host', 'x/../y', 'x?', ';', "'"])(
    'refuses the host %s',
    async (host) => {
      const { status, text } = await getAs(host);
      expect(status).toBe(400);
      expect(text).not.toContain('server_url');
    },
  );
});

describe('GET /install/FILE', () => {
  it('hands out what SHA256SUMS lists, byte for byte', async () => {
    const sums = await (await fetch(`${server.url}/install/SHA256SUMS`)).text();
    const rows = sums.trimEnd().split('\n');
    expect(rows.length).toBe(5);
    for (const row of rows) {
      const [sum, name = ''] = row.split('  ');
      const isRuntime = name.startsWith('node-');
      const answer = await fetch(`${server.url}/install/${name}${isRuntime ? '.gz' : ''}`);
      const body = Buffer.from(await answer.arrayBuffer());
      const file = isRuntime ? gunzipSync(body) : body;
      expect(createHash('sha256').update(file).digest('hex'), name).toBe(sum);
      expect(answer.headers.get('content-length')).toBe(String(body.length));
      expect(answer.headers.get('etag')).toBe(`"${sum}"`);
    }
  });

  it('does not send again what the asker has', async () => {
    const url = `${server.url}/install/gaugeway-agent.mjs`;
    const etag = (await fetch(url)).headers.get('etag') ?? '';
    const again = await fetch(url, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('tells the size without the file', async () => {
    const answer = await fetch(`${server.url}/install/gaugeway-agent.mjs`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '11']);
  });

  it.each(['nothing', '..%2f..%2fpackage.json', '%2e%2e', '.', 'install.sh', '%00'])(
    'has nothing else: %s',
    async (name) => {
      const { status } = await fetch(`${server.url}/install/${name}`);
      expect(status).toBe(404);
    },
  );

  it('lets many wait who would take much at once, and forgets those who hung up', async () => {
    const name = findRuntime(process)?.name;
    const url = `${server.url}/install/${name}.gz`;
    const hangUp = new AbortController();
    const open = await Promise.all(
      Array.from({ length: 16 }, () => fetch(url, { signal: hangUp.signal })),
    );
    expect(open.map(({ status }) => status)).toEqual(Array.from({ length: 16 }, () => 200));
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    hangUp.abort();
    await expect.poll(async () => (await fetch(url, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('the script', () => {
  it('is a file of this repository with one line for the server to fill in', () => {
    const text = readFileSync('exporter-agent/install/install.sh', 'utf8');
    expect(text.split("server_url=''").length).toBe(2);
  });
});
