import { describe, expect, it } from 'vitest';
import type { BufferDeps, SpoolBuffer } from '../../exporter-agent/buffer/buffer.ts';

export interface BufferHarness {
  /** A new, empty buffer; the harness closes and removes it. */
  open(deps: BufferDeps): SpoolBuffer;
}

/** What every buffer promises, whatever it keeps its batches in. */
export function bufferContract(name: string, harness: BufferHarness): void {
  const body = (text: string) => Buffer.from(text);
  const open = (limits: Partial<BufferDeps['limits']> = {}) => {
    const drops: [string, number][] = [];
    const time = { nowMs: 1_000_000, monotonicMs: 0 };
    const buffer = harness.open({
      limits: { maxBytes: 1_000, maxAgeMs: 60_000, ...limits },
      clock: { nowMs: () => time.nowMs, monotonicMs: () => time.monotonicMs },
      onDrop: (reason, batches) => drops.push([reason, batches]),
    });
    const drain = () => {
      const bodies: string[] = [];
      for (let batch = buffer.take(); batch; batch = buffer.take()) {
        bodies.push(Buffer.from(batch.body).toString());
        buffer.settle(batch.seq);
      }
      return bodies;
    };
    return { buffer, drops, time, drain };
  };

  describe(`the buffer ${name}`, () => {
    it('gives batches back oldest first, each once', () => {
      const { buffer, drain } = open();
      for (const text of ['a', 'b', 'c']) buffer.add(body(text), 1_000_000);
      expect(drain()).toEqual(['a', 'b', 'c']);
      expect(drain()).toEqual([]);
      expect(buffer.stats()).toEqual({ bytes: 0, batches: 0, oldestMs: null });
    });

    it('keeps a taken batch until it is settled', () => {
      const { buffer, drain } = open();
      buffer.add(body('a'), 1_000_000);
      buffer.take();
      expect(buffer.take()?.seq).toBe(buffer.take()?.seq);
      expect(buffer.stats().batches).toBe(1);
      expect(drain()).toEqual(['a']);
    });

    it('ignores a settlement of anything but the oldest', () => {
      const { buffer, drain } = open();
      buffer.add(body('a'), 1_000_000);
      buffer.settle(buffer.take()!.seq + 1);
      expect(drain()).toEqual(['a']);
    });

    it('keeps the bytes as they were when they were added', () => {
      const { buffer } = open();
      const bytes = body('abc');
      buffer.add(bytes, 1_000_000);
      bytes.fill(0);
      expect(Buffer.from(buffer.take()!.body).toString()).toBe('abc');
    });

    it('tells bytes, batches and the time of the oldest', () => {
      const { buffer } = open();
      buffer.add(body('aaa'), 999_000);
      buffer.add(body('bb'), 999_500);
      expect(buffer.stats()).toEqual({ bytes: 5, batches: 2, oldestMs: 999_000 });
    });

    it('gives up the oldest beyond its bytes and says how many', () => {
      const { buffer, drops, drain } = open({ maxBytes: 10 });
      for (const text of ['aaaa', 'bbbb', 'cccc', 'dddd']) buffer.add(body(text), 1_000_000);
      expect(drops.filter(([reason]) => reason === 'spool_full').length).toBe(2);
      expect(buffer.stats().bytes).toBe(8);
      expect(drain()).toEqual(['cccc', 'dddd']);
    });

    it('gives up a batch beyond its age and says how many', () => {
      const { buffer, drops, time, drain } = open();
      buffer.add(body('a'), 1_000_000);
      buffer.add(body('b'), 1_000_001);
      time.monotonicMs = 30_000;
      buffer.add(body('c'), 1_030_000);
      time.monotonicMs = 60_002;
      expect(drain()).toEqual(['c']);
      expect(drops).toEqual([['spool_expired', 2]]);
    });

    it.each([7_200_000, -7_200_000])('keeps all when the wall clock is set by %i ms', (by) => {
      const { buffer, drops, time, drain } = open();
      buffer.add(body('a'), time.nowMs);
      time.nowMs += by;
      time.monotonicMs += 5_000;
      buffer.add(body('b'), time.nowMs);
      expect(drain()).toEqual(['a', 'b']);
      expect(drops).toEqual([]);
    });

    it('goes on after it was emptied', () => {
      const { buffer, drain } = open();
      buffer.add(body('a'), 1_000_000);
      const first = buffer.take()!.seq;
      drain();
      buffer.add(body('b'), 1_000_000);
      expect(buffer.take()!.seq).toBeGreaterThan(first);
      expect(drain()).toEqual(['b']);
    });
  });
}
