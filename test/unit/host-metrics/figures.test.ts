import { describe, expect, it } from 'vitest';
import { createFigures } from '../../../src/host-metrics/index.ts';

/** What VictoriaMetrics takes as shipped. */
const maxQueryLen = 16_384;

describe('the figures of many hosts', () => {
  it.each([
    ['of one page of the longest names', 50, 63, 1],
    ['of the largest page of usual names', 500, 20, 1],
    ['of the largest page of the longest names', 500, 63, 4],
  ])('%s are questions that storage takes', async (_what, count, length, most) => {
    const ids = Array.from({ length: count }, (_, i) => `h${i}.eu.example`.padEnd(length, 'x'));
    const queries: string[] = [];
    const figures = createFigures({
      clock: { nowMs: () => 0, monotonicMs: () => 0 },
      ask: {
        at: (_tenantId, query) => {
          queries.push(query);
          const asked = ids.filter((id) => query.includes(id.replaceAll('.', String.raw`\\.`)));
          return Promise.resolve(
            asked.map((id) => ({
              labels: { part: 'now', __name__: 'cpu_utilization', host_id: id },
              value: ids.indexOf(id),
            })),
          );
        },
        over: () => Promise.reject(new Error('not asked')),
      },
    });
    const told = await figures.of('default', ids);
    expect(queries.length).toBeLessThanOrEqual(most);
    for (const query of queries) expect(Buffer.byteLength(query)).toBeLessThan(maxQueryLen);
    expect(ids.map((id) => told.get(id)?.tracked['cpu.utilization'])).toEqual([...ids.keys()]);
  });
});
