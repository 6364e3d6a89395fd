import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, startSender, type SeriesAnswer } from '../support/scraped.ts';
import {
  freePort,
  launch,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
  type Program,
} from '../support/stage.ts';

const hostId = 'scraped-host';
const stage = new Stage();
let product: Product;
let prometheus: Program;
let address: string;

const putOnByOne = new Set(['host_id', 'job', 'instance', 'tenant']);

/** Samples of the last 30 s: series (without what only one of the two puts on) → timestamp ms → value. */
async function samples(server: { url: string; readKey?: string }, selector: string) {
  const query = `${selector}[30s]`;
  const { result } = await ask<{ result: SeriesAnswer[] }>(server, '/api/v1/query', { query });
  return new Map(
    result.map(({ metric, values = [] }) => {
      const key = Object.entries(metric)
        .filter(([name]) => !putOnByOne.has(name))
        .sort()
        .map(([name, value]) => `${name}="${value}"`);
      return [
        key.join(','),
        values.map(([at, value]) => [Math.round(at * 1_000), Number(value)] as const),
      ];
    }),
  );
}

beforeAll(async () => {
  product = await startProduct(stage, await startStorage(stage));
  address = `127.0.0.1:${String(await freePort())}`;
  const key = await product.makeKey({ name: 'agent', scopes: ['write'], host_id: hostId });
  await launch(stage, undefined, process.execPath, ['--jitless', 'dist/gaugeway-agent.js', 'run'], {
    GAUGEWAY_AGENT_URL: product.url,
    GAUGEWAY_AGENT_KEY: key,
    GAUGEWAY_AGENT_HOST_ID: hostId,
    GAUGEWAY_AGENT_STATE_DIR: stage.directory(),
    GAUGEWAY_AGENT_INTERVAL_SECONDS: '2',
    GAUGEWAY_AGENT_REMOTE_CONFIG: 'false',
    GAUGEWAY_AGENT_LISTEN: address,
  });
  prometheus = await startSender(stage, {
    product,
    key: product.writeKey,
    jobs: [{ job_name: 'agent', static_configs: [{ targets: [address] }] }],
  });
}, 60_000);

afterAll(() => stage.end());

describe('the agent as an ordinary exporter', () => {
  it('shows Prometheus the very values that it pushes, tick by tick', async () => {
    const heartbeat = '__name__="agent_heartbeat_timestamp_seconds"';
    await until('both have several ticks', async () => {
      const scraped = await samples(prometheus, '{job="agent"}');
      const pushed = await samples(product, `{host_id="${hostId}"}`);
      return (scraped.get(heartbeat)?.length ?? 0) > 6 && (pushed.get(heartbeat)?.length ?? 0) > 4;
    });
    const scraped = await samples(prometheus, '{job="agent"}');
    const pushed = await samples(product, `{host_id="${hostId}"}`);
    // The heartbeat's value is the time of its tick: it tells which push a scrape saw.
    const tickOf = new Map(
      scraped.get(heartbeat)!.map(([at, value]) => [at, Math.round(value * 1_000)]),
    );
    let compared = 0;
    for (const [series, values] of scraped) {
      const ticks = new Map(pushed.get(series) ?? []);
      for (const [at, value] of values) {
        const tick = tickOf.get(at);
        if (tick === undefined || !ticks.has(tick)) continue;
        const sent = ticks.get(tick)!;
        // Storage keeps decimal digits, not the bits of a double.
        expect(Math.abs(value - sent), series).toBeLessThanOrEqual(1e-9 * Math.abs(sent));
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(scraped.size * 3);
    // What Prometheus says of the scrape itself is not the agent's.
    const own = [...scraped].filter(([key]) => !/"(up|scrape_.*)"$/.test(key));
    // A program may be among the first in the newest tick only, and that one may still be on its way.
    const arrived = new Set(pushed.get(heartbeat)!.map(([at]) => at));
    const owed = own.filter(([, values]) => values.some(([at]) => arrived.has(tickOf.get(at)!)));
    expect(owed.length).toBeGreaterThan(100);
    await until('each series of a tick that arrived is there', async () => {
      const held = await samples(product, `{host_id="${hostId}"}`);
      return owed.every(([key]) => held.has(key));
    });
  });

  it('passes the linter, but for names that the requirement and node_exporter gave', async () => {
    const text = await (await fetch(`http://${address}/metrics`)).text();
    let said = '';
    try {
      execFileSync('promtool', ['check', 'metrics'], { input: text, stdio: 'pipe' });
    } catch (error) {
      said =
        String((error as { stderr: Buffer }).stderr) + String((error as { stdout: Buffer }).stdout);
    }
    const complaints = said.split('\n').filter((line) => line !== '');
    expect(
      complaints.filter(
        (line) =>
          !/_mb metric names should not contain abbreviated units|^node_memory_\w+ metric names should be written in 'snake_case'/.test(
            line,
          ),
      ),
    ).toEqual([]);
    expect(text).toContain('# TYPE node_cpu_seconds_total counter\n');
  });

  it.each([
    ['GET', '/', 200],
    ['HEAD', '/metrics', 200],
    ['GET', '/metrics?x=1', 200],
    ['GET', '/metrics/', 404],
    ['POST', '/metrics', 405],
    ['GET', '/../etc/passwd', 404],
  ])('answers %s %s with %i', async (method, path, status) => {
    expect((await fetch(`http://${address}${path}`, { method })).status).toBe(status);
  });

  it('does not start where its port is taken', async () => {
    const stateDir = stage.directory();
    const second = await launch(
      stage,
      undefined,
      process.execPath,
      ['dist/gaugeway-agent.js', 'run'],
      {
        GAUGEWAY_AGENT_URL: product.url,
        GAUGEWAY_AGENT_STATE_DIR: stateDir,
        GAUGEWAY_AGENT_LISTEN: address,
      },
    );
    await until('it ended', () => Promise.resolve(second.child.exitCode !== null));
    expect(second.child.exitCode).toBe(1);
    expect(second.said()).toContain('EADDRINUSE');
  });
});
