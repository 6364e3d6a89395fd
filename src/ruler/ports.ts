import type {
  AlertInstance,
  AlertNotification,
  AlertState,
  Episode,
  Labels,
  NotificationKind,
  Silence,
  SilenceReason,
} from '../alerts/index.ts';

/** The right to evaluate one group; worth nothing once another one took it, which `epoch` tells. */
export interface GroupLease {
  tenantId: string;
  groupKey: string;
  epoch: string;
  /** Undefined before the first evaluation of anybody. */
  lastSlotMs: number | undefined;
}

/** One episode of one alert, and what is remembered of telling people. */
export interface Incident {
  id: string;
  ruleKey: string;
  ruleName: string;
  /** `labelKey` of its labels. */
  key: string;
  fingerprint: string;
  labels: Labels;
  annotations: Labels;
  value: number;
  channels: readonly string[];
  generatorUrl?: string | undefined;
  episode: Episode;
  /** Number of its last message. */
  seq: number;
  /** Why nobody was told at the last evaluation; for `held` events at changes only. */
  heldFor?: SilenceReason | undefined;
}

export interface StoredInstance {
  ruleKey: string;
  fingerprint: string;
  instance: AlertInstance;
}

/** Everything known of a group's alerts, as the last evaluation left it. */
export interface StoredGroup {
  instances: readonly StoredInstance[];
  incidents: readonly Incident[];
}

/** What people and senders changed since the last slot. */
export interface Touched {
  /** Wall time of the database, milliseconds. */
  nowMs: number;
  /** Incidents with an acknowledgement or of which nobody was told. */
  incidents: readonly {
    id: string;
    told: Episode['told'];
    acknowledgement: Episode['acknowledgement'];
  }[];
  silences: readonly Silence[];
}

export type IncidentEventKind = 'firing' | 'reopened' | 'resolved' | 'queued' | 'held' | 'not-sent';

export interface IncidentEvent {
  incidentId: string;
  kind: IncidentEventKind;
  detail: Readonly<Record<string, unknown>>;
}

/** One row of the outbox. */
export interface Delivery {
  incidentId: string;
  ruleKey: string;
  channel: string;
  kind: NotificationKind;
  seq: number;
  alert: AlertNotification;
}

/** What one alert came to at one evaluation, for `explain`. */
export interface Decision {
  labels: Readonly<Record<string, string>>;
  value: number;
  state: AlertState;
  /** Why it is so: a reason of a change, of keeping, or `waiting` of a pending one. */
  reason: string;
}

export interface EvaluationRecord {
  ruleKey: string;
  durationMs: number;
  error: string | undefined;
  isPartial: boolean;
  rows: number;
  decisions: readonly Decision[];
}

export interface RuleHealth {
  name: string;
  health: 'ok' | 'err';
  error?: string;
  /** Milliseconds. */
  lastMs: number;
  durationMs: number;
}

/** All that one evaluation of a group changes; stored whole or not at all. */
export interface SlotCommit {
  slotMs: number;
  nextSlotMs: number;
  /** Slots before this one that nobody evaluated. */
  missed: number;
  durationMs: number;
  health: Readonly<Record<string, RuleHealth>>;
  instances: {
    put: readonly StoredInstance[];
    drop: readonly { ruleKey: string; fingerprint: string }[];
  };
  incidents: readonly { incident: Incident; isCurrent: boolean }[];
  events: readonly IncidentEvent[];
  deliveries: readonly Delivery[];
  evaluations: readonly EvaluationRecord[];
}

/** `fenced`: another ruler has the group, and nothing was stored. */
export type CommitOutcome = 'committed' | 'fenced';

/** A group as it is offered to rulers. */
export interface OfferedGroup {
  tenantId: string;
  groupKey: string;
  intervalMs: number;
}

/** Port: leases of groups and the state below them. Implemented in storage/postgres; its clock is the only one. */
export interface RulerStore {
  /** Makes rows for groups that have none. */
  offer(groups: readonly OfferedGroup[]): Promise<void>;
  /**
   * Says that this ruler lives, renews what it holds and takes what is free among `groups`, up to its fair share. Gives
   * all leases it holds now and the database's time, milliseconds.
   */
  beat(
    groups: readonly OfferedGroup[],
    ttlMs: number,
  ): Promise<{ leases: readonly GroupLease[]; nowMs: number }>;
  /** Groups that nobody offers and nobody holds any more, with a lease on each. */
  takeRetired(groups: readonly OfferedGroup[], ttlMs: number): Promise<readonly GroupLease[]>;
  /** Gives everything back, so that others need not wait for the leases to end. */
  release(): Promise<void>;
  load(lease: GroupLease): Promise<StoredGroup>;
  touched(lease: GroupLease): Promise<Touched>;
  commit(lease: GroupLease, slot: SlotCommit): Promise<CommitOutcome>;
  /** After the last evaluation of a retired group. */
  remove(lease: GroupLease): Promise<void>;
}
