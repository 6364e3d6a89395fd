import type { Actor } from '../access/index.ts';
import type { AlertNotification, NotificationKind, Silence } from '../alerts/index.ts';
import type { Channel } from './channel.ts';

/** Why a message was not sent, or not again. Public: a row of the delivery trail. */
export type DeliveryReason =
  | 'resolved-before-sent'
  | 'superseded'
  | 'acknowledged'
  | 'silenced'
  | 'no-such-channel'
  | 'refused'
  | 'attempts-exhausted';

export type DeliveryStatus = 'queued' | 'sending' | 'sent' | 'dead' | 'dropped';

/** One alert's part of a message that this worker has claimed. */
export interface ClaimedDelivery {
  id: string;
  incidentId: string;
  kind: NotificationKind;
  alert: AlertNotification;
  createdAtMs: number;
  /** With this one. */
  attempts: number;
}

/** What goes out as one message. `id` is the same in every attempt, so that a receiver can tell a repeat. */
export interface ClaimedMessage {
  id: string;
  tenantId: string;
  channel: string;
  groupKey: string;
  ruleKey: string;
  deliveries: readonly ClaimedDelivery[];
}

export interface ClaimTerms {
  worker: string;
  maxMessages: number;
  maxAlerts: number;
  groupWaitMs: number;
  lockMs: number;
  /** `TENANT CHANNEL` of those that are not to be claimed now. */
  busy: readonly string[];
}

/** What has happened since the message was queued. */
export interface SendFacts {
  nowMs: number;
  acknowledged: ReadonlySet<string>;
  silences: readonly Silence[];
}

export interface Attempt {
  startedAtMs: number;
  durationMs: number;
  outcome: 'sent' | 'retry' | 'dead';
  status?: number | undefined;
  answer?: string | undefined;
}

/** How a claimed message goes on. `consumes: false`: the receiver named the time, and the attempt does not count. */
export type Verdict =
  | { status: 'sent' }
  | { status: 'dead'; reason: DeliveryReason }
  | { status: 'queued'; delayMs: number; consumes: boolean };

export interface OutboxDepth {
  queued: number;
  dead: number;
  oldestSeconds: number;
}

/** An alert that is to be told to an Alertmanager again and again until it is over. */
export interface OpenAlert {
  tenantId: string;
  channel: string;
  alert: AlertNotification;
}

export interface Outbox {
  /** `dropped`: what later messages about the same alert made needless. */
  claim(
    terms: ClaimTerms,
  ): Promise<{ messages: ClaimedMessage[]; dropped: readonly DeliveryReason[] }>;
  facts(message: ClaimedMessage): Promise<SendFacts>;
  /** Deliveries of a claimed message that are not sent after all. */
  drop(ids: readonly string[], reason: DeliveryReason, worker: string): Promise<void>;
  /** Marks the message and adds to the trail, both or none; deliveries that another worker has now stay its own. */
  finish(
    message: ClaimedMessage,
    worker: string,
    verdict: Verdict,
    attempt: Attempt | undefined,
  ): Promise<void>;
  depth(): Promise<OutboxDepth>;
  /** Firing alerts that were told to a channel named here, or to any `alertmanager:URL`. */
  openFor(channels: readonly { tenantId: string; name: string }[]): Promise<OpenAlert[]>;
}

export interface DeliveryFilter {
  incidentId?: string | undefined;
  status?: DeliveryStatus | undefined;
  channel?: string | undefined;
}

export interface DeliveryRow {
  id: string;
  incidentId: string;
  channel: string;
  kind: NotificationKind;
  seq: number;
  status: DeliveryStatus;
  reason: string | null;
  attempts: number;
  messageId: string | null;
  ruleName: string;
  createdAtMs: number;
  nextAtMs: number;
  finishedAtMs: number | null;
  trail: readonly TrailRow[];
}

export interface TrailRow extends Attempt {
  attempt: number;
  alerts: number;
}

/** What people can see of the outbox, and do about it. */
export interface DeliveryTrail {
  list(
    tenantId: string,
    filter: DeliveryFilter,
    page: { limit: number; offset: number },
  ): Promise<{ items: DeliveryRow[]; total: number }>;
  /** Sends a dead one anew, under a new key; `not-dead` leaves it as it is. */
  resend(tenantId: string, id: string, actor: Actor): Promise<'queued' | 'not-dead' | undefined>;
}

export interface StoredChannel extends Channel {
  /** Among those that rules without channels of their own, or with a bare kind, tell. */
  isDefault: boolean;
  createdAtMs: number;
  updatedAtMs: number;
}

export interface ChannelStore {
  all(): Promise<StoredChannel[]>;
  list(tenantId: string): Promise<StoredChannel[]>;
  /** False where the name is taken. */
  add(channel: StoredChannel, actor: Actor): Promise<boolean>;
  /** False where it is gone. */
  update(channel: StoredChannel, actor: Actor): Promise<boolean>;
  remove(channel: StoredChannel, actor: Actor): Promise<boolean>;
  noteTest(tenantId: string, name: string, outcome: string, actor: Actor): Promise<void>;
}

/** What an acknowledge link stands for: one alert, or all of one message. */
export interface LinkSubject {
  kind: 'incident' | 'message';
  id: string;
}

export interface LinkedAlert {
  incidentId: string;
  ruleName: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  value: number;
  startsAtMs: number;
  endsAtMs: number | null;
  acknowledgedBy: string | null;
}

export interface LinkedAlerts {
  find(tenantId: string, subject: LinkSubject): Promise<LinkedAlert[]>;
  /** Of those that fire and nobody took over; how many. */
  acknowledge(
    tenantId: string,
    incidentIds: readonly string[],
    by: { name: string; comment: string; via: string; ip: string },
  ): Promise<number>;
}
