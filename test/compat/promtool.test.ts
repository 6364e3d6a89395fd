import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, startSender } from '../support/scraped.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../support/stage.ts';

const run = promisify(execFile);
const stage = new Stage();
let product: Product;
let withKey: string;

beforeAll(async () => {
  product = await startProduct(stage, await startStorage(stage));
  const file = join(stage.directory(), 'http.yml');
  writeFileSync(file, JSON.stringify({ authorization: { credentials: product.readKey } }));
  withKey = `--http.config.file=${file}`;
  await startSender(stage, { product, key: product.writeKey });
  await until(
    'two samples are here',
    async () =>
      (await ask(product, '/api/v1/query', { query: 'count_over_time(up[1m]) >= 2' })).result
        .length === 1,
  );
}, 120_000);

afterAll(() => stage.end());

/** The one of Prometheus 3; the older one takes no file with credentials. */
const promtool = (...args: string[]) => run('promtool-3', args, { timeout: 20_000 });
const query = async (...args: string[]) => (await promtool('query', ...args)).stdout;

describe('promtool with a read key in its HTTP configuration', () => {
  it('asks instant and range queries', async () => {
    expect(await query('instant', withKey, product.url, 'up')).toMatch(/up\{.*job="self".*=> 1 @/);
    expect(await query('range', withKey, '--step=1s', product.url, 'up')).toContain('job="self"');
  });

  it('lists series and label values', async () => {
    expect(await query('series', withKey, '--match=up', product.url)).toContain('job="self"');
    expect((await query('labels', withKey, product.url, 'job')).trim()).toBe('self');
  });

  it('finds it healthy and ready', async () => {
    for (const state of ['healthy', 'ready']) {
      const { stderr } = await promtool('check', state, withKey, `--url=${product.url}`);
      expect(stderr).toContain('SUCCESS');
    }
  });

  it('finds no fault in the text of /metrics that is ours', async () => {
    const answer = await fetch(`${product.url}/metrics`, {
      headers: { authorization: `Bearer ${product.readKey}` },
    });
    const checking = promtool('check', 'metrics');
    checking.child.stdin?.end(await answer.text());
    const checked = await checking.catch((error: unknown) => error as { stderr: string });
    const faults = checked.stderr.split('\n').filter(Boolean);
    // Three gauges of prom-client's own end in _total.
    expect(faults.filter((line) => !/^nodejs_active_\w+_total non-counter/.test(line))).toEqual([]);
  });

  it('pushes metrics', async () => {
    const pushed = promtool(
      ...['push', 'metrics', `--header=Authorization=Bearer ${product.writeKey}`],
      `${product.url}/api/v1/write`,
    );
    pushed.child.stdin?.end('# TYPE node_pushed gauge\nnode_pushed 42\n');
    await pushed;
    await until('the pushed value is here', async () => {
      const { result } = await ask(product, '/api/v1/query', { query: 'node_pushed' });
      return result[0]?.value[1] === '42';
    });
  });

  it('is refused without the key', async () => {
    await expect(query('instant', product.url, 'up')).rejects.toThrow(/401|client_error/);
  });
});
