import type { WhitelistMode } from './judge/whitelist.ts';

/** Who posts, as the credential says. */
export interface Sender {
  tenantId: string;
  /** The key's id, for the ledger and the logs. */
  keyId: string;
  keyName: string;
  /** Set where the key speaks for one host only. */
  hostId?: string;
  whitelistMode: WhitelistMode;
}

/** A tenant's limits on the write path. */
export interface IngestPolicy {
  samplesPerSecond: number;
  /** Samples that may come at once beyond the rate. */
  burstSamples: number;
  maxActiveSeries: number;
  maxMetricNames: number;
  /** Of one series in storage, the labels set here included; never more than the installation's. */
  maxLabels: number;
  maxLabelNameBytes: number;
  maxLabelValueBytes: number;
  /** How far back and ahead a timestamp may be, milliseconds, before the slack. */
  timestampPastMs: number;
  timestampFutureMs: number;
}

/** Answers from memory: the write path asks this for every request. */
export type PolicyOf = (tenantId: string) => IngestPolicy;

/** The host's tags from memory; undefined for an unknown host. */
export type TagsOf = (
  tenantId: string,
  hostId: string,
) => Readonly<Record<string, string>> | undefined;
