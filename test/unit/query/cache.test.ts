import { describe, expect, it } from 'vitest';
import { createMeters } from '../../../src/platform/index.ts';
import { createAnswerCache } from '../../../src/query/cache.ts';
import { createQueryMeters } from '../../../src/query/meters.ts';
import { failure, type QueryOutcome } from '../../../src/query/outcome.ts';

function setUp(maxBytes = 1000) {
  let now = 1000;
  const meters = createMeters();
  const cache = createAnswerCache({
    ttlMs: 1000,
    maxBytes,
    clock: { nowMs: () => now, monotonicMs: () => now },
    meters: createQueryMeters(meters),
  });
  return { cache, meters, pass: (ms: number) => (now += ms) };
}

const answer = (text: string): Promise<QueryOutcome> =>
  Promise.resolve({ ok: true, body: Buffer.from(text) });

async function textOf(outcome: Promise<QueryOutcome>): Promise<string> {
  const known = await outcome;
  return known.ok ? known.body.toString() : known.message;
}

describe('the answer cache', () => {
  it('answers from memory until the time is over', async () => {
    const { cache, pass } = setUp();
    expect(await textOf(cache.get('k', () => answer('first')))).toBe('first');
    pass(999);
    expect(await textOf(cache.get('k', () => answer('second')))).toBe('first');
    pass(2);
    expect(await textOf(cache.get('k', () => answer('third')))).toBe('third');
  });

  it('asks once for all who ask at the same time, and counts them', async () => {
    const { cache, meters } = setUp();
    let asked = 0;
    const load = async (): Promise<QueryOutcome> => {
      asked++;
      await Promise.resolve();
      return answer('one');
    };
    const all = await Promise.all(Array.from({ length: 50 }, () => textOf(cache.get('k', load))));
    expect(new Set(all)).toEqual(new Set(['one']));
    expect(asked).toBe(1);
    await cache.get('k', load);
    const text = await meters.text();
    expect(text).toContain('gaugeway_query_cache_requests_total{result="miss"} 1');
    expect(text).toContain('gaugeway_query_cache_requests_total{result="shared"} 49');
    expect(text).toContain('gaugeway_query_cache_requests_total{result="hit"} 1');
  });

  it('keeps no failure, thrown or said, and nothing that is too large', async () => {
    const { cache } = setUp(100);
    await cache.get('k', () => Promise.resolve(failure('timeout', 'late')));
    expect(await textOf(cache.get('k', () => answer('good')))).toBe('good');
    await expect(cache.get('j', () => Promise.reject(new Error('bug')))).rejects.toThrow('bug');
    expect(await textOf(cache.get('j', () => answer('good')))).toBe('good');
    await cache.get('l', () => answer('x'.repeat(60)));
    expect(await textOf(cache.get('l', () => answer('new')))).toBe('new');
  });
});
