import type { AlertInstance, Episode, Silence } from '../../alerts/index.ts';
import { labelsFromJson, optionalNumber } from './alert-json.ts';
import type { Incident, StoredInstance } from '../../ruler/index.ts';

export interface InstanceRow {
  rule_key: string;
  fingerprint: string;
  label_key: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  value: number;
  state: AlertInstance['state'];
  active_at_ms: string;
  fired_at_ms: string | null;
  resolved_at_ms: string | null;
  keep_firing_since_ms: string | null;
  absences: number;
  evaluated_at_ms: string;
}

export function toStoredInstance(row: InstanceRow): StoredInstance {
  const instance: AlertInstance = {
    key: row.label_key,
    labels: labelsFromJson(row.labels),
    annotations: labelsFromJson(row.annotations),
    value: row.value,
    state: row.state,
    activeAtMs: Number(row.active_at_ms),
    ...optionalNumber('firedAtMs', row.fired_at_ms),
    ...optionalNumber('resolvedAtMs', row.resolved_at_ms),
    ...optionalNumber('keepFiringSinceMs', row.keep_firing_since_ms),
    absences: row.absences,
    evaluatedAtMs: Number(row.evaluated_at_ms),
  };
  return { ruleKey: row.rule_key, fingerprint: row.fingerprint, instance };
}

export interface IncidentRow {
  id: string;
  rule_key: string;
  rule_name: string;
  fingerprint: string;
  label_key: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  value: number;
  channels: string[];
  generator_url: string | null;
  opened_at_ms: string;
  closed_at_ms: string | null;
  told: Episode['told'];
  last_notice_ms: string | null;
  flaps: number;
  notice_seq: number;
  ack_by: string | null;
  ack_at_ms: string | null;
  ack_comment: string | null;
  ack_until_ms: string | null;
}

export function toIncident(row: IncidentRow): Incident {
  return {
    id: row.id,
    ruleKey: row.rule_key,
    ruleName: row.rule_name,
    key: row.label_key,
    fingerprint: row.fingerprint,
    labels: labelsFromJson(row.labels),
    annotations: labelsFromJson(row.annotations),
    value: row.value,
    channels: row.channels,
    ...(row.generator_url === null ? {} : { generatorUrl: row.generator_url }),
    episode: {
      openedAtMs: Number(row.opened_at_ms),
      ...optionalNumber('closedAtMs', row.closed_at_ms),
      told: row.told,
      ...optionalNumber('lastFiringNoticeMs', row.last_notice_ms),
      flaps: row.flaps,
      acknowledgement: toAcknowledgement(row),
    },
    seq: row.notice_seq,
  };
}

export function toAcknowledgement(
  row: Pick<IncidentRow, 'ack_by' | 'ack_at_ms' | 'ack_comment' | 'ack_until_ms'>,
): Episode['acknowledgement'] {
  if (row.ack_by === null || row.ack_at_ms === null) return undefined;
  return {
    by: row.ack_by,
    atMs: Number(row.ack_at_ms),
    comment: row.ack_comment ?? '',
    ...optionalNumber('untilMs', row.ack_until_ms),
  };
}

export interface SilenceRow {
  id: string;
  kind: Silence['kind'];
  matchers: Silence['matchers'];
  starts_at_ms: string;
  ends_at_ms: string;
  created_by: string;
  comment: string;
  updated_at_ms: string;
}

export function toSilence(row: SilenceRow): Silence {
  return {
    id: row.id,
    kind: row.kind,
    matchers: row.matchers,
    startsAtMs: Number(row.starts_at_ms),
    endsAtMs: Number(row.ends_at_ms),
    createdBy: row.created_by,
    comment: row.comment,
    updatedAtMs: Number(row.updated_at_ms),
  };
}
