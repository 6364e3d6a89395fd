import type { AuditEntry, Listed, Page } from '../access/index.ts';
import type { AlertState, Episode, Silence, SilenceMatcher } from '../alerts/index.ts';
import type { KeyedRule } from '../ruler/index.ts';
import type { Problem, RuleSpec } from '../rules/index.ts';

/** Labels or annotations as JSON has them. */
export type Texts = Readonly<Record<string, string>>;

/** A group of rule files as it is evaluated. */
export interface FileGroup {
  key: string;
  /** Its file's name, without the folder. */
  file: string;
  name: string;
  rhythm: { intervalMs: number };
  queryOffsetMs: number;
  rules: readonly KeyedRule[];
}

/** Port: the rule files of a tenant as they are in force, and what is wrong with those that are not. */
export interface FileRules {
  groups(tenantId: string): readonly FileGroup[];
  problems(tenantId: string): readonly Problem[];
}

/** A rule made by API. */
export interface StoredRule {
  id: string;
  name: string;
  spec: RuleSpec;
  enabled: boolean;
  /** Grows with every change. */
  version: number;
  createdAtMs: number;
  createdBy: string;
  updatedAtMs: number;
  updatedBy: string;
}

export type RuleChange = Pick<
  StoredRule,
  'id' | 'name' | 'spec' | 'enabled' | 'updatedAtMs' | 'updatedBy'
>;

/** Port: rules made by API. A change is only made to the version that was read. */
export interface RuleStore {
  /** By name, then id. */
  list(tenantId: string): Promise<StoredRule[]>;
  find(tenantId: string, id: string): Promise<StoredRule | undefined>;
  /** False where the tenant has `most` rules already. */
  add(tenantId: string, rule: StoredRule, most: number, audit: AuditEntry): Promise<boolean>;
  /** False where that version is no longer the current one. */
  change(tenantId: string, rule: RuleChange, version: number, audit: AuditEntry): Promise<boolean>;
  remove(tenantId: string, id: string, version: number, audit: AuditEntry): Promise<boolean>;
}

/** One episode of one alert: what the PRP calls an alert event. Times are milliseconds since the epoch. */
export interface StoredIncident {
  id: string;
  groupKey: string;
  ruleKey: string;
  ruleName: string;
  fingerprint: string;
  hostId: string | null;
  severity: string | null;
  labels: Texts;
  annotations: Texts;
  value: number;
  channels: readonly string[];
  generatorUrl: string | null;
  episode: Episode;
}

export type IncidentState = 'firing' | 'acknowledged' | 'resolved';

export interface IncidentFilter {
  state?: IncidentState | undefined;
  hostId?: string | undefined;
  severity?: string | undefined;
  ruleKey?: string | undefined;
  /** Episodes that began or ended since. */
  sinceMs?: number | undefined;
  /** Without regular expressions, which the database does not judge. */
  equal?: readonly SilenceMatcher[];
  /** Against which an acknowledgement has ended or not. */
  nowMs: number;
}

/** One row of an incident's timeline. */
export interface IncidentEvent {
  atMs: number;
  kind: string;
  /** Who did it, where it was a person or a key. */
  actor: string | null;
  detail: Readonly<Record<string, unknown>>;
}

/** One message about an incident to one channel. */
export interface IncidentDelivery {
  id: string;
  channel: string;
  kind: string;
  status: string;
  reason: string | null;
  attempts: number;
  createdAtMs: number;
  finishedAtMs: number | null;
}

/** What becomes of an incident's acknowledgement, decided with the row locked; undefined changes nothing. */
export type DecideAcknowledgement = (incident: StoredIncident) => Episode | undefined;

/** Port: incidents as people see them. */
export interface IncidentStore {
  /** Newest first. */
  list(tenantId: string, filter: IncidentFilter, page: Page): Promise<Listed<StoredIncident>>;
  find(tenantId: string, id: string): Promise<StoredIncident | undefined>;
  timeline(tenantId: string, id: string): Promise<IncidentEvent[]>;
  deliveries(tenantId: string, id: string): Promise<IncidentDelivery[]>;
  /**
   * Reads the incidents that are there with their rows locked and writes what `decide` says, with one row of the timeline
   * and one of the audit log for each that changes.
   */
  acknowledge(
    tenantId: string,
    ids: readonly string[],
    decide: DecideAcknowledgement,
    note: { atMs: number; event: IncidentEvent; audit: Omit<AuditEntry, 'target'> },
  ): Promise<void>;
}

/** Port: silences and maintenance windows. */
export interface SilenceStore {
  /** Those that end at `endedAfterMs` or later, by their end. */
  list(tenantId: string, endedAfterMs: number): Promise<Silence[]>;
  find(tenantId: string, id: string): Promise<Silence | undefined>;
  /** Adds or replaces; what ended before `forgetBeforeMs` goes. */
  put(tenantId: string, silence: Silence, forgetBeforeMs: number, audit: AuditEntry): Promise<void>;
}

/** How a rule's last evaluation went. */
export interface RuleHealth {
  health: 'ok' | 'err';
  error?: string;
  lastMs: number;
  durationMs: number;
}

/** A group as its rulers left it. */
export interface GroupStatus {
  key: string;
  intervalMs: number;
  lastSlotMs: number | null;
  nextSlotMs: number;
  leaseOwner: string | null;
  isLeased: boolean;
  missed: number;
  durationMs: number | null;
  /** By rule key. */
  health: Readonly<Record<string, RuleHealth>>;
}

/** A pending, firing or lately resolved alert. */
export interface StoredAlert {
  groupKey: string;
  ruleKey: string;
  fingerprint: string;
  labels: Texts;
  annotations: Texts;
  value: number;
  state: AlertState;
  activeAtMs: number;
  firedAtMs: number | null;
  resolvedAtMs: number | null;
  keepFiringSinceMs: number | null;
}

/** What one alert came to at one evaluation. */
export interface StoredDecision {
  labels: Texts;
  value: number;
  state: AlertState;
  reason: string;
}

export interface StoredEvaluation {
  atMs: number;
  durationMs: number;
  error: string | null;
  isPartial: boolean;
  rows: number;
  decisions: readonly StoredDecision[];
}

/** Port: what the rulers know and remember. */
export interface EvaluationStore {
  groups(tenantId: string): Promise<GroupStatus[]>;
  /** Of one rule, or of all; the resolved ones left out. */
  alerts(tenantId: string, ruleKey?: string): Promise<StoredAlert[]>;
  /** Pending and firing alerts, by rule key. */
  counts(tenantId: string): Promise<Map<string, { pending: number; firing: number }>>;
  /** Newest first. */
  evaluations(tenantId: string, ruleKey: string, untilMs: number): Promise<StoredEvaluation[]>;
}

/** An alert that another server posted. */
export interface ReceivedAlert {
  fingerprint: string;
  labels: Texts;
  annotations: Texts;
  startsAtMs: number;
  endsAtMs: number;
  updatedAtMs: number;
  generatorUrl: string | null;
}

/** Port: alerts that others post here. */
export interface ReceivedAlertStore {
  /**
   * Adds or merges, as Alertmanager does: while one is active the earliest start counts, and the newest end. What ended
   * before `forgetBeforeMs` goes. False where the tenant would have more than `most`.
   */
  merge(
    tenantId: string,
    alerts: readonly ReceivedAlert[],
    limits: { most: number; forgetBeforeMs: number },
  ): Promise<boolean>;
  list(tenantId: string): Promise<ReceivedAlert[]>;
}
