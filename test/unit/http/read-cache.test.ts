import { describe, expect, it } from 'vitest';
import { createReadCache } from '../../../src/http/index.ts';
import { createMeters } from '../../../src/platform/index.ts';

function setUp(ttlMs = 3_000) {
  let nowMs = 1_000;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const meters = createMeters();
  const cache = createReadCache({ ttlMs, maxBytes: 1_000_000, clock, meters });
  let asked = 0;
  const load = () => Promise.resolve({ asked: ++asked });
  const get = async (tenant = 'a', key = '/x', from: () => Promise<unknown> = load) =>
    (await cache.get(tenant, key, from)).body.toString();
  return { cache, meters, get, pass: (ms: number) => (nowMs += ms) };
}

describe('the cache of reads', () => {
  it('answers the same for its time, and anew after it', async () => {
    const { get, pass } = setUp();
    expect([await get(), await get()]).toEqual(['{"asked":1}', '{"asked":1}']);
    pass(2_999);
    expect(await get()).toBe('{"asked":1}');
    pass(2);
    expect(await get()).toBe('{"asked":2}');
  });

  it('asks once for those who want it at the same time, and counts them as shared', async () => {
    const { get, meters } = setUp(0);
    expect(new Set(await Promise.all([get(), get(), get()]))).toEqual(new Set(['{"asked":1}']));
    expect(await meters.text()).toContain('gaugeway_http_cache_requests_total{result="shared"} 2');
    expect(await get()).toBe('{"asked":2}');
  });

  it('keeps tenants apart, and forgets one without the other', async () => {
    const { cache, get } = setUp();
    expect([await get('a'), await get('b')]).toEqual(['{"asked":1}', '{"asked":2}']);
    cache.forget('a');
    expect([await get('a'), await get('b')]).toEqual(['{"asked":3}', '{"asked":2}']);
  });

  it('does not keep what was read before a change and came after it', async () => {
    const { cache, get } = setUp();
    let answer: (value: unknown) => void = () => undefined;
    const late = get('a', '/x', () => new Promise((resolve) => (answer = resolve)));
    cache.forget('a');
    answer({ old: true });
    expect(await late).toBe('{"old":true}');
    expect(await get('a')).toBe('{"asked":1}');
  });

  it('keeps no failure', async () => {
    const { get } = setUp();
    await expect(get('a', '/x', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await get()).toBe('{"asked":1}');
  });
});
