import type { BufferDeps, SpoolBuffer, StoredBatch } from './buffer.ts';

/** The buffer of an agent without a state directory, and of one whose disk is full. */
export function createMemoryBuffer(deps: BufferDeps): SpoolBuffer {
  const { limits, clock, onDrop } = deps;
  const batches: (StoredBatch & { bornMs: number })[] = [];
  let bytes = 0;
  let nextSeq = 1;

  function removeOldest(): void {
    bytes -= batches.shift()?.body.length ?? 0;
  }

  function expire(): void {
    let expired = 0;
    while (batches[0] !== undefined && clock.monotonicMs() - batches[0].bornMs > limits.maxAgeMs) {
      removeOldest();
      expired += 1;
    }
    if (expired > 0) onDrop('spool_expired', expired);
  }

  return {
    add(body, timestampMs) {
      const bornMs = clock.monotonicMs();
      batches.push({ seq: nextSeq++, timestampMs, bornMs, body: Buffer.from(body) });
      bytes += body.length;
      expire();
      let pushedOut = 0;
      while (bytes > limits.maxBytes && batches.length > 0) {
        removeOldest();
        pushedOut += 1;
      }
      if (pushedOut > 0) onDrop('spool_full', pushedOut);
    },
    take() {
      expire();
      return batches[0];
    },
    settle(seq) {
      if (batches[0]?.seq === seq) removeOldest();
    },
    stats: () => ({ bytes, batches: batches.length, oldestMs: batches[0]?.timestampMs ?? null }),
    close: () => undefined,
  };
}
