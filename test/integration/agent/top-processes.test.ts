import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../support/scraped.ts';
import {
  launch,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../../support/stage.ts';
import { makeTenant } from '../../support/tenants.ts';

const hostId = 'busy-host';
const stage = new Stage();
let product: Product;
let busy: ChildProcess;

async function top(query: string, token = product.readKey) {
  const response = await fetch(`${product.url}/api/v1/processes/top?${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: (await response.json()) as any };
}

beforeAll(async () => {
  product = await startProduct(stage, await startStorage(stage));
  // A loop under a name of this test's own.
  busy = spawn('/bin/sh', ['-c', 'printf gw-busy-loop > /proc/$$/comm; while :; do :; done']);
  stage.onEnd(() => void busy.kill('SIGKILL'));
  const key = await product.makeKey({ name: 'agent', scopes: ['write'], host_id: hostId });
  const stateDir = join(stage.directory(), 'agent-state');
  mkdirSync(stateDir);
  await launch(stage, undefined, process.execPath, ['--jitless', 'dist/gaugeway-agent.js', 'run'], {
    GAUGEWAY_AGENT_URL: product.url,
    GAUGEWAY_AGENT_KEY: key,
    GAUGEWAY_AGENT_HOST_ID: hostId,
    GAUGEWAY_AGENT_STATE_DIR: stateDir,
    GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
    GAUGEWAY_AGENT_REMOTE_CONFIG: 'false',
  });
  await until(
    'the agent told of it',
    async () => {
      const { body } = await top(`host_id=${hostId}&limit=100`);
      return body.processes?.some((row: any) => row.pid === busy.pid && row.cpu_pct > 0);
    },
    90_000,
  );
}, 120_000);

afterAll(() => stage.end());

describe('GET /api/v1/processes/top', () => {
  it('names the program that takes a core, with its pid, in the shape of the PRP', async () => {
    const { body } = await top(`host_id=${hostId}&metric=cpu&limit=100`);
    const row = body.processes.find((each: any) => each.pid === busy.pid);
    expect(row).toMatchObject({ name: 'gw-busy-loop', gpu_mem_mb: null, gpu_index: null });
    expect(row.cpu_pct).toBeGreaterThan(0);
    expect(row.mem_mb).toBeGreaterThan(0);
    expect(body.host_id).toBe(hostId);
    expect(Math.abs(Date.now() - Date.parse(body.as_of))).toBeLessThan(60_000);
  });

  it('has the same program by name in the history', async () => {
    await until('its series is there', async () => {
      const query = `proc_top_cpu_pct{host_id="${hostId}",process="gw-busy-loop"}`;
      const { result } = await ask(product, '/api/v1/query', { query });
      return result.length === 1;
    });
  });

  it('orders by what is asked for and keeps to the limit', async () => {
    const { body } = await top(`host_id=${hostId}&metric=mem&limit=3`);
    const figures = body.processes.map((row: any) => row.mem_mb);
    expect(figures.length).toBe(3);
    expect(figures).toEqual([...figures].sort((a, b) => b - a));
    expect((await top(`host_id=${hostId}&metric=gpu_mem`)).body.processes).toEqual([]);
  });

  it.each([
    '',
    'host_id=',
    `host_id=${hostId}&metric=disk`,
    `host_id=${hostId}&limit=0`,
    `host_id=${hostId}&limit=x`,
    `host_id=${hostId}&order=up`,
  ])('refuses %j', async (query) => {
    expect((await top(query)).status).toBe(400);
  });

  it('knows no host of another tenant, and none that is not there', async () => {
    const other = await makeTenant(product, 'other');
    expect((await top(`host_id=${hostId}`, other.read)).status).toBe(404);
    expect((await top('host_id=no-such-host')).status).toBe(404);
  });
});
