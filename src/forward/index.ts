/**
 * takes: batches of accepted series.
 * gives: the promise that they reach VictoriaMetrics, or a refusal that the sender can act on.
 * never: looks into a body, knows tenants beyond their label, speaks HTTP itself (the port `SeriesWriter` does).
 * see:   docs/adr/0012-durable-journal.md
 */
export type { Accept, Batch, ForwardOutcome } from './batch.ts';
export { createForward, type Forward, type ForwardConfig, type ShardTarget } from './forward.ts';
export type {
  AwayIncarnation,
  HiddenIncarnation,
  SeriesWriter,
  WriteAnswer,
} from './series-writer.ts';
