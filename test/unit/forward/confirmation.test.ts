import { describe, expect, it } from 'vitest';
import { Confirmation } from '../../../src/forward/confirmation.ts';

describe('which records are surely on the store’s disk', () => {
  it('those answered before a checkpoint that lies long enough back', () => {
    const confirmation = new Confirmation(0, 12_000);
    for (const seq of [1, 2, 3]) confirmation.queued(seq);
    for (const seq of [1, 2, 3]) confirmation.answered(seq);
    expect(confirmation.checkpoint(0, 3)).toBe(0);
    expect(confirmation.checkpoint(11_999, 3)).toBe(0);
    expect(confirmation.checkpoint(12_000, 3)).toBe(3);
  });

  it('never one beyond the oldest without an answer', () => {
    const confirmation = new Confirmation(10, 1_000);
    for (const seq of [11, 12, 13]) confirmation.queued(seq);
    confirmation.answered(11);
    confirmation.answered(13);
    confirmation.checkpoint(0, 13);
    expect(confirmation.checkpoint(5_000, 13)).toBe(11);
    confirmation.answered(12);
    expect(confirmation.checkpoint(5_001, 13)).toBe(11);
    expect(confirmation.checkpoint(6_001, 13)).toBe(13);
  });

  it('after a restart of the store the count begins anew, from the first that is not confirmed', () => {
    const confirmation = new Confirmation(0, 1_000);
    for (const seq of [1, 2, 3, 4]) confirmation.queued(seq);
    for (const seq of [1, 2]) confirmation.answered(seq);
    confirmation.checkpoint(0, 4);
    confirmation.checkpoint(1_000, 4);
    confirmation.answered(3);
    confirmation.checkpoint(1_500, 4);
    expect(confirmation.rewind()).toBe(3);
    expect(confirmation.checkpoint(9_000, 2)).toBe(2);
    confirmation.queued(3);
    confirmation.answered(3);
    confirmation.checkpoint(9_500, 3);
    expect(confirmation.checkpoint(10_499, 3)).toBe(2);
    expect(confirmation.checkpoint(10_500, 3)).toBe(3);
  });
});
