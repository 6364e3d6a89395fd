import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startPostgres } from '../../../src/managed/index.ts';
import { silentLogger } from '../../../src/platform/index.ts';
import { gaugeway } from '../../support/cli.ts';
import { freePort, launch, Stage } from '../../support/stage.ts';

const stage = new Stage();
afterAll(() => stage.end());

describe('on the machine of a server that npm start runs', () => {
  it('what reads works at once, at the address of its last start, and what changes says how', async () => {
    const env = { GAUGEWAY_DATA_DIR: stage.directory(), XDG_CONFIG_HOME: stage.directory() };
    const listen = `127.0.0.1:${String(await freePort())}`;
    await launch(
      stage,
      { url: `http://${listen}`, health: '/health' },
      process.execPath,
      ['bin/gaugeway.js', 'up', '--no-agent'],
      { ...env, GAUGEWAY_LISTEN: listen },
    );
    // Its address is kept a moment after it answers.
    let said = await gaugeway(['host', 'list', '--json'], { env });
    while (said.code === 3) said = await gaugeway(['host', 'list', '--json'], { env });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(said.out)).toMatchObject({ hosts: [], total: 0 });
    const change = await gaugeway(['user', 'list'], { env });
    expect(change.code).toBe(4);
    expect(change.err).toContain('gaugeway login');
  });
});

describe('gaugeway migrate', () => {
  it('says what is applied, applies, takes back when told to, and goes to one migration', async () => {
    const postgres = await startPostgres({
      dataDir: join(stage.directory(), 'postgres'),
      log: silentLogger,
      throwaway: true,
    });
    stage.onEnd(() => postgres.stop());
    const migrate = async (...args: string[]) => {
      const env = { GAUGEWAY_DATABASE_URL: postgres.url };
      const { code, out, err } = await gaugeway(['migrate', ...args, '--json'], { env });
      return { code, err, ...(code === 0 ? (JSON.parse(out) as Record<string, string[]>) : {}) };
    };
    const fresh = await migrate('--status');
    expect(fresh).toMatchObject({ code: 0, applied: [] });
    const all = (fresh as unknown as { pending: string[] }).pending;
    expect(all.length).toBeGreaterThan(5);

    expect(await migrate('--to', all[1]!)).toMatchObject({ applied: all.slice(0, 2), undone: [] });
    expect(await migrate()).toMatchObject({ applied: all.slice(2), undone: [] });
    expect(await migrate('--status')).toMatchObject({ applied: all, pending: [] });
    expect((await migrate('--down')).code).toBe(2);
    expect(await migrate('--down', '--yes')).toMatchObject({ applied: [], undone: all.slice(-1) });
    expect(await migrate('--to', all.at(-1)!)).toMatchObject({ applied: all.slice(-1) });
    expect((await migrate('--to', '199901010000_no_such')).code).toBe(5);
    expect((await migrate('--status', '--down')).code).toBe(2);
  });
});

describe('Ctrl-C', () => {
  it('ends a command that waits for an answer with 130', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    stage.onEnd(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const url = `http://127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
    let pid = 0;
    silent.once('request', () => process.kill(pid, 'SIGINT'));
    const said = await gaugeway(['host', 'list', '--url', url, '--key', 'x'], {
      onStart: (started) => (pid = started),
    });
    expect(said).toEqual({ code: 130, out: '', err: '' });
  });
});
