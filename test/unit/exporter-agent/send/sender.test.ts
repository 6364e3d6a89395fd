import { describe, expect, it } from 'vitest';
import { createMemoryBuffer } from '../../../../exporter-agent/buffer/memory.ts';
import { createBackoff } from '../../../../exporter-agent/send/backoff.ts';
import type { Answer } from '../../../../exporter-agent/send/answer.ts';
import { createSender } from '../../../../exporter-agent/send/sender.ts';
import { snappy as compress, unsnappy as uncompress } from '../../../support/snappy.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const startMs = 1_763_024_000_000;
const status = (
  code: number,
  retryAfterMs?: number,
  more: { samplesWritten?: number; text?: string } = {},
): Answer => ({
  kind: 'answered',
  status: code,
  retryAfterMs,
  samplesWritten: undefined,
  text: `status ${code}`,
  ...more,
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
    clock,
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
    void sender.offer([Buffer.from(`b${n++}`)], clock.nowMs());
    await clock.advance(5_000);
  };
  const ticks = async (count: number) => {
    for (let i = 0; i < count; i += 1) await tick();
  };
  return { clock, posted, accepted, drops, troubles, spool, sender, tick, ticks };
}

describe('the sender', () => {
  it('brings every batch of a 60 s outage, each once, the newest before the backlog', async () => {
    const t = setUp((_, at) => (at >= 20_000 && at < 320_000 ? down : status(204)));
    await t.ticks(90);
    expect([...t.accepted].sort()).toEqual(Array.from({ length: 90 }, (_, i) => `b${i}`).sort());
    expect(t.spool.stats().batches).toBe(0);
    expect(t.drops).toEqual([]);
    const afterOutage = t.accepted.slice(4);
    const firstLive = afterOutage.findIndex((body, i) => i > 0 && Number(body.slice(1)) > 64);
    // Within one interval of the first answer, at ten a second; the rest of the backlog follows.
    expect(firstLive).toBeLessThanOrEqual(51);
    expect(afterOutage.indexOf('b60')).toBeGreaterThan(firstLive);
  });

  it('has every batch of an outage in the spool before it asks the server again', async () => {
    const t = setUp(() => down);
    await t.ticks(3);
    const inSpool: number[] = [];
    const asking = setUp(() => {
      inSpool.push(asking.spool.stats().batches);
      return down;
    });
    await asking.ticks(8);
    // The first is out while it is asked with; after that each new one is kept first.
    expect(inSpool[0]).toBe(0);
    expect(inSpool.slice(1).every((batches, i) => batches > i)).toBe(true);
    expect(asking.posted.every(({ body }) => body === 'b0')).toBe(true);
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
    await t.sender.offer([body], startMs);
    expect(t.posted[0]?.body).toBe(whole);
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
    await t.sender.offer([compress(raw)], startMs);
    expect(t.spool.stats().batches).toBe(1);
    await t.ticks(4);
    expect(t.spool.stats().batches).toBe(0);
    expect(t.accepted.length).toBe(2 + 4);
  });

  it.each(['too_large: x', 'too_many_series: x', 'undecodable: x'])(
    'finds the one series that makes a batch "%s" and brings the others',
    async (text) => {
      const raw = Buffer.concat([1, 2, 3, 4, 5].map((i) => Buffer.from([0x0a, 0x02, 0x61, i])));
      const poison = Buffer.from([0x61, 3]);
      const t = setUp((body) => {
        const isPoisoned = uncompress(Buffer.from(body, 'latin1')).includes(poison);
        return isPoisoned ? status(400, undefined, { text }) : status(204);
      });
      await t.sender.offer([compress(raw)], startMs);
      const parts = t.accepted.map((body) => uncompress(Buffer.from(body, 'latin1')));
      expect(Buffer.concat(parts).length).toBe(raw.length - 4);
      expect(t.drops).toEqual([text.startsWith('too') ? 'too_large' : 'refused']);
    },
  );

  it('does not ask for each series of a batch that is never taken', async () => {
    const series = Array.from({ length: 500 }, (_, i) => Buffer.from([0x0a, 0x01, i % 256]));
    const t = setUp(() => status(413));
    await t.sender.offer([compress(Buffer.concat(series))], startMs);
    expect(t.posted.length).toBeLessThan(64 + Math.log2(500));
    expect(new Set(t.drops)).toEqual(new Set(['too_large']));
    expect(t.spool.stats().batches).toBe(0);
  });

  it('takes a 400 that wrote the rest for an answer: nothing is given up, nothing sent again', async () => {
    const t = setUp(() => status(400, undefined, { samplesWritten: 3, text: 'rejected 1 of 4' }));
    await t.tick();
    expect(t.posted.length).toBe(1);
    expect(t.drops).toEqual([]);
    expect(t.sender.sentBatches()).toBe(1);
    expect(t.troubles).toEqual(['HTTP 400: rejected 1 of 4']);
  });

  it('sends the bodies of one tick one after the other, and keeps those it does not come to', async () => {
    const t = setUp((body) => (body === 'two' ? down : status(204)));
    const bodies = ['one', 'two', 'three'].map((text) => Buffer.from(text));
    await t.sender.offer(bodies, startMs);
    expect(t.posted.map(({ body }) => body)).toEqual(['one', 'two']);
    expect(t.spool.stats().batches).toBe(2);
  });

  it('gives up what is too large and cannot be cut', async () => {
    const t = setUp(() => status(413));
    await t.tick();
    expect(t.drops).toEqual(['too_large']);
    expect(t.spool.stats().batches).toBe(0);
  });
});
