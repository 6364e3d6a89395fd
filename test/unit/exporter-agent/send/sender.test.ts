import { compress } from 'snappyjs';
import { describe, expect, it } from 'vitest';
import { createMemoryBuffer } from '../../../../exporter-agent/buffer/memory.ts';
import { createBackoff } from '../../../../exporter-agent/send/backoff.ts';
import type { Answer } from '../../../../exporter-agent/send/answer.ts';
import { createSender } from '../../../../exporter-agent/send/sender.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const startMs = 1_763_024_000_000;
const status = (code: number, retryAfterMs?: number): Answer => ({
  kind: 'answered',
  status: code,
  retryAfterMs,
  text: `status ${code}`,
});
const down: Answer = { kind: 'failed', message: 'connect ECONNREFUSED' };

function setUp(answer: (body: string, at: number) => Answer | Promise<Answer>) {
  const clock = createVirtualClock(startMs);
  const posted: { at: number; body: string }[] = [];
  const accepted: string[] = [];
  const drops: string[] = [];
  const troubles: string[] = [];
  const spool = createMemoryBuffer({
    limits: { maxBytes: 1_000_000, maxAgeMs: 3_600_000 },
    nowMs: () => clock.nowMs(),
    onDrop: (reason) => drops.push(reason),
  });
  const sender = createSender({
    post: async (bytes) => {
      const body = Buffer.from(bytes).toString('latin1');
      posted.push({ at: clock.monotonicMs(), body });
      const result = await answer(body, clock.monotonicMs());
      if (result.kind === 'answered' && result.status === 204) accepted.push(body);
      return result;
    },
    spool,
    backoff: createBackoff({ monotonicMs: () => clock.monotonicMs(), random: () => 0.5 }),
    sleep: (ms) => clock.sleep(ms),
    onDrop: (reason) => drops.push(reason),
    onTrouble: (message) => troubles.push(message),
  });
  let n = 0;
  const tick = async () => {
    void sender.offer(Buffer.from(`b${n++}`), clock.nowMs());
    await clock.advance(5_000);
  };
  const ticks = async (count: number) => {
    for (let i = 0; i < count; i += 1) await tick();
  };
  return { clock, posted, accepted, drops, troubles, spool, sender, tick, ticks };
}

describe('the sender', () => {
  it('brings every batch of a 60 s outage, each once, the newest first', async () => {
    const t = setUp((_, at) => (at >= 20_000 && at < 80_000 ? down : status(204)));
    await t.ticks(40);
    expect([...t.accepted].sort()).toEqual(Array.from({ length: 40 }, (_, i) => `b${i}`).sort());
    expect(t.spool.stats().batches).toBe(0);
    expect(t.drops).toEqual([]);
    const afterOutage = t.posted.filter(({ at }) => at >= 80_000).map(({ body }) => body);
    const firstBacklog = afterOutage.indexOf('b4');
    const newest = Number(afterOutage[0]?.slice(1));
    expect(firstBacklog).toBeGreaterThan(0);
    expect(newest).toBeGreaterThan(4);
  });

  it('drains at most ten batches a second beside the live ones', async () => {
    const t = setUp((_, at) => (at < 300_000 ? down : status(204)));
    await t.ticks(100);
    const times = t.posted.filter(({ at }) => at >= 300_000).map(({ at }) => at);
    for (const [index, at] of times.entries()) {
      const withinSecond = times.slice(index).filter((other) => other - at < 1_000).length;
      expect(withinSecond).toBeLessThanOrEqual(11);
    }
    expect(new Set(t.accepted).size).toBe(100);
    expect(t.accepted.length).toBe(100);
  });

  it('asks less and less often while the server is away', async () => {
    const t = setUp(() => down);
    await t.ticks(120);
    expect(t.posted.length).toBeGreaterThan(10);
    expect(t.posted.length).toBeLessThan(40);
    expect(t.spool.stats().batches).toBe(120);
  });

  it('waits as long as Retry-After says', async () => {
    const t = setUp((_, at) => (at === 0 ? status(503, 30_000) : status(204)));
    await t.ticks(12);
    expect(t.posted[1]?.at).toBeGreaterThanOrEqual(30_000);
    expect(t.accepted.length).toBe(12);
  });

  it.each([401, 403, 408, 429, 500, 503, 302])('keeps a batch answered with %i', async (code) => {
    const t = setUp((_, at) => (at < 5_000 ? status(code) : status(204)));
    await t.ticks(10);
    expect(t.accepted.length).toBe(10);
    expect(t.drops).toEqual([]);
    expect(t.troubles[0]).toContain(String(code));
  });

  it.each([400, 404, 409, 415])('gives up a batch answered with %i and goes on', async (code) => {
    const t = setUp((body) => (body === 'b1' ? status(code) : status(204)));
    await t.ticks(4);
    expect(t.accepted).toEqual(['b0', 'b2', 'b3']);
    expect(t.drops).toEqual(['refused']);
  });

  it('gives up a poisoned batch of the backlog without stopping the rest', async () => {
    const t = setUp((body, at) => {
      if (at < 20_000) return down;
      return body === 'b2' ? status(400) : status(204);
    });
    await t.ticks(20);
    expect(t.drops).toEqual(['refused']);
    expect(t.accepted.length).toBe(19);
  });

  it('does not wait for a slow answer: the next batch goes to the spool and follows', async () => {
    const t = setUp(async (body) => {
      if (body === 'b0') await t.clock.sleep(8_000);
      return status(204);
    });
    await t.ticks(4);
    expect([...t.accepted].sort()).toEqual(['b0', 'b1', 'b2', 'b3']);
  });

  it('cuts a batch that is too large until it fits, losing no series', async () => {
    const series = (i: number) => Buffer.from([0x0a, 0x02, 0x61, i]);
    const raw = Buffer.concat([0, 1, 2, 3, 4].map(series));
    const body = compress(raw);
    const whole = Buffer.from(body).toString('latin1');
    const limit = compress(raw.subarray(0, 8)).length;
    const t = setUp((text) => status(text.length > limit ? 413 : 204));
    await t.sender.offer(body, startMs);
    expect(t.posted[0]?.body).toBe(whole);
    const { uncompress } = await import('snappyjs');
    const parts = t.accepted.map((text) => uncompress(Buffer.from(text, 'latin1')));
    expect(Buffer.concat(parts).equals(raw)).toBe(true);
    expect(t.drops).toEqual([]);
  });

  it('keeps only the half that was not taken', async () => {
    const raw = Buffer.from([0x0a, 0x01, 1, 0x0a, 0x01, 2]);
    let posts = 0;
    const t = setUp(() => {
      posts += 1;
      if (posts === 1) return status(413);
      return posts === 3 ? down : status(204);
    });
    await t.sender.offer(compress(raw), startMs);
    expect(t.spool.stats().batches).toBe(1);
    await t.ticks(4);
    expect(t.spool.stats().batches).toBe(0);
    expect(t.accepted.length).toBe(2 + 4);
  });

  it('gives up what is too large and cannot be cut', async () => {
    const t = setUp(() => status(413));
    await t.tick();
    expect(t.drops).toEqual(['too_large']);
    expect(t.spool.stats().batches).toBe(0);
  });
});
