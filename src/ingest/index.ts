/**
 * takes: bodies that senders posted, with who they are.
 * gives: an outcome that HTTP can say; accepted series go to `forward`.
 * never: waits for Postgres on the way, knows HTTP, talks to VictoriaMetrics.
 * see:   docs/adr/0004-remote-write-versions-and-answers.md
 */
export { createIngest, type Ingest, type IngestConfig, type IngestStores } from './ingest.ts';
export { negotiate, type WriteVersion } from './decode/negotiate.ts';
export {
  createWhitelist,
  toWhitelistDocument,
  type Whitelist,
  type WhitelistDocument,
  type WhitelistMode,
} from './judge/whitelist.ts';
export type { ExemplarStore, KeptExemplar } from './keep/exemplars.ts';
export type { LedgerStore, Rejection } from './keep/ledger.ts';
export type { MetadataRow, MetadataStore } from './keep/metadata.ts';
export type { Admission, Ticket } from './limits/admit.ts';
export type { HaClaim, HaLeader, HaStore } from './limits/ha.ts';
export type { IngestOutcome, Written } from './outcome.ts';
export type { JsonBatchAnswer } from './decode/json-batch.ts';
export type { IngestPolicy, Sender } from './sender.ts';
