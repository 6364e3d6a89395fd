import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { uncompress } from 'snappyjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { scanSegment } from '../../../exporter-agent/buffer/segment.ts';
import { buildAgent } from '../../../exporter-agent/build.js';

const flags = ['--jitless', '--max-semi-space-size=1', '--no-node-snapshot'];
const schema = `syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }`;
const WriteRequest = protobuf.parse(schema).root.lookupType('WriteRequest');

interface Post {
  headers: http.IncomingHttpHeaders;
  series: { labels: Record<string, string>; value: number; timestampMs: number }[];
}

/** A server that takes, or with `status` refuses, what an agent posts. */
class FakeServer {
  status = 204;
  pushed: unknown = undefined;
  readonly posts: Post[] = [];
  readonly heartbeats: Record<string, any>[] = [];
  private readonly server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => this.answer(request, Buffer.concat(chunks), response));
  });

  async start(port = 0): Promise<string> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  names(): Set<string> {
    return new Set(this.posts.flatMap((p) => p.series.map((s) => s.labels['__name__']!)));
  }

  private answer(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): void {
    if (request.url === '/api/v1/ingest/heartbeat') {
      this.heartbeats.push(JSON.parse(body.toString()));
      response.end(JSON.stringify({ server_time_ms: Date.now(), config: this.pushed }));
      return;
    }
    // A receiver of 1.0 alone, so that what it took can be read by the schema above.
    if (request.headers['content-type'] !== 'application/x-protobuf') {
      response.writeHead(415).end();
      return;
    }
    if (this.status === 204) this.posts.push({ headers: request.headers, series: decode(body) });
    response.writeHead(this.status).end();
  }
}

function decode(body: Buffer): Post['series'] {
  const message: any = WriteRequest.toObject(WriteRequest.decode(uncompress(body)), {
    longs: Number,
    defaults: true,
  });
  return message.timeseries.map((series: any) => ({
    labels: Object.fromEntries(series.labels.map((l: any) => [l.name, l.value])),
    value: series.samples[0].value,
    timestampMs: series.samples[0].timestamp,
  }));
}

let directory = '';
let bundle = '';
let server: FakeServer;
let url = '';
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = fs.mkdtempSync(join(tmpdir(), 'gaugeway-agent-'));
  bundle = join(directory, 'gaugeway-agent.mjs');
  await buildAgent(bundle);
  server = new FakeServer();
  url = await server.start();
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  server.stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

const environment = (more: Record<string, string> = {}) => ({
  PATH: process.env['PATH'] ?? '',
  GAUGEWAY_AGENT_URL: url,
  GAUGEWAY_AGENT_KEY: 'the-key',
  GAUGEWAY_AGENT_HOST_ID: 'h-test',
  GAUGEWAY_AGENT_STATE_DIR: join(directory, 'state'),
  GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
  ...more,
});

function startAgent(args: string[] = []): ChildProcess {
  const child = spawn(process.execPath, [...flags, bundle, ...args], {
    env: environment(),
    stdio: 'ignore',
  });
  children.push(child);
  return child;
}

/** The time of every batch the server took, as often as it took it. */
const acceptedTimes = () =>
  server.posts
    .flatMap((p) => p.series)
    .filter((s) => s.labels['__name__'] === 'agent_heartbeat_timestamp_seconds')
    .map((s) => s.timestampMs);

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 50 });

describe('the agent as a process, on this very host', { timeout: 60_000 }, () => {
  it('posts every subject with host_id, sorted labels and the headers of remote write 1.0', async () => {
    startAgent();
    await eventually(() => {
      for (const name of [
        'cpu_utilization',
        'cpu_core',
        'cpu_load1',
        'mem_used_pct',
        'mem_swap_pct',
        'net_sockets_active',
        'agent_self_rss_bytes',
        'agent_clock_offset_seconds',
      ]) {
        expect(server.names()).toContain(name);
      }
    });
    expect(server.posts[0]?.headers).toMatchObject({
      authorization: 'Bearer the-key',
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
      'user-agent': expect.stringMatching(/^gaugeway-agent\/\d/),
    });
    for (const { labels } of server.posts.flatMap((p) => p.series)) {
      expect(labels['host_id']).toBe('h-test');
      expect(Object.keys(labels)).toEqual(Object.keys(labels).sort());
    }
  });

  it('tells its state in a heartbeat and applies the interval that the answer brings', async () => {
    server.pushed = { version: 7, interval_seconds: 2, top_n: 3, mask_process_names: true };
    const child = startAgent();
    await eventually(() => expect(server.posts.length).toBeGreaterThan(1));
    expect(server.heartbeats[0]).toMatchObject({
      host_id: 'h-test',
      config_version: 0,
      interval_seconds: 1,
      last_error: null,
      spool: { bytes: 0, oldest_ts_ms: null, dropped_batches: 0 },
    });
    child.kill('SIGTERM');
    await once(child, 'exit');
    startAgent();
    await eventually(() => expect(server.heartbeats.length).toBe(2));
    expect(server.heartbeats[1]).toMatchObject({ config_version: 7, interval_seconds: 2 });
  });

  it('ends with a stale marker for each of its series and exit code 0', async () => {
    const child = startAgent();
    await eventually(() => expect(server.posts.length).toBeGreaterThan(1));
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    const last = server.posts.at(-1)!.series;
    expect(last.length).toBeGreaterThan(20);
    expect(last.every(({ value }) => Number.isNaN(value))).toBe(true);
  });

  it('loses nothing and doubles nothing over an outage with a kill -9 in it', async () => {
    const first = startAgent();
    await eventually(() => expect(server.posts.length).toBeGreaterThan(1));
    server.status = 503;
    const spool = join(directory, 'state', 'spool');
    const inSpool = () =>
      fs
        .readdirSync(spool)
        .filter((name) => name.endsWith('.seg'))
        .flatMap((name) => scanSegment(fs.readFileSync(join(spool, name))).records)
        .map((record) => record.timestampMs);
    await eventually(() => expect(inSpool().length).toBeGreaterThan(2));
    first.kill('SIGKILL');
    await once(first, 'exit');
    const owed = inSpool();
    const before = acceptedTimes();
    server.status = 204;
    startAgent();
    await eventually(() => {
      expect(inSpool()).toEqual([]);
      expect(acceptedTimes().length).toBeGreaterThan(before.length + owed.length);
    });
    const accepted = acceptedTimes();
    expect(accepted.filter((time) => owed.includes(time)).sort()).toEqual(owed.sort());
    expect(new Set(accepted).size).toBe(accepted.length);
  });

  it('ends when the process that started it is gone', async () => {
    const script = `
      const { spawn } = require('node:child_process');
      const args = ${JSON.stringify([...flags, bundle, '--exit-with-parent'])};
      const child = spawn(process.execPath, args, { stdio: 'ignore', detached: true });
      process.stdout.write(String(child.pid));
      setInterval(() => undefined, 1000);`;
    const starter = spawn(process.execPath, ['-e', script], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(starter);
    const [chunk] = (await once(starter.stdout, 'data')) as [Buffer];
    const pid = Number(chunk.toString());
    await eventually(() => expect(server.posts.length).toBeGreaterThan(0));
    starter.kill('SIGKILL');
    await eventually(() => expect(isRunning(pid)).toBe(false));
  });

  it('says what is wrong and exits with 2 when it is configured wrongly', () => {
    const env = environment({ GAUGEWAY_AGENT_INTERVAL_SECONDS: '0' });
    const result = spawnSync(process.execPath, [...flags, bundle], { env, encoding: 'utf8' });
    expect(result.status).toBe(2);
    expect(result.stderr).toContain('GAUGEWAY_AGENT_INTERVAL_SECONDS: wants a whole number');
  });

  it('shows one reading with `once`, without the server', () => {
    server.stop();
    const result = spawnSync(process.execPath, [...flags, bundle, 'once'], {
      env: environment(),
      encoding: 'utf8',
    });
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/^cpu_utilization \d/m);
    expect(result.stdout).toMatch(/^mem_available_mb \d/m);
  });
});

/** A zombie that nobody has waited for counts as ended. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
