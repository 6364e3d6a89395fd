import type { Meters } from '../platform/index.ts';

/** Counts what was removed. */
export type Purged = (kind: string, count: number) => void;

export function createPurgedCounter(meters: Meters): Purged {
  const counter = meters.counter({
    name: 'gaugeway_purged_total',
    help: 'Rows and files removed after their retention, or over their bound.',
    labelNames: ['kind'],
  });
  return (kind, count) => counter.inc({ kind }, count);
}
