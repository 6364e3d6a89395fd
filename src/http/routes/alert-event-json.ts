import type {
  IncidentDelivery,
  IncidentEvent,
  IncidentState,
  StoredIncident,
} from '../../alert-desk/index.ts';
import { maskedChannel } from '../channel-text.ts';
import { isoTime, isoTimeOrNull } from '../parse.ts';

/** An alert event in the shape of PRP §7.1 and §8.5, with what it implies. */
export function toEventJson(incident: StoredIncident, state: IncidentState) {
  const { episode } = incident;
  const { acknowledgement: ack, lastFiringNoticeMs } = episode;
  return {
    id: incident.id,
    ...{ rule_id: incident.ruleKey, rule_name: incident.ruleName },
    ...{ host_id: incident.hostId, state },
    started_at: isoTime(episode.openedAtMs),
    ended_at: isoTimeOrNull(episode.closedAtMs ?? null),
    acknowledged_by: ack?.by ?? null,
    acknowledged_at: isoTimeOrNull(ack?.atMs ?? null),
    acknowledged_until: isoTimeOrNull(ack?.untilMs ?? null),
    comment: ack?.comment ?? null,
    severity: incident.severity,
    ...{ fingerprint: incident.fingerprint, value: incident.value },
    ...{ labels: incident.labels, annotations: incident.annotations },
    ...{ flaps: episode.flaps, told: episode.told },
    last_notified_at: isoTimeOrNull(lastFiringNoticeMs ?? null),
    generator_url: incident.generatorUrl,
  };
}

export function toTimelineJson({ atMs, kind, actor, detail }: IncidentEvent) {
  return { at: isoTime(atMs), kind, actor, detail };
}

export function toDeliveryJson(delivery: IncidentDelivery) {
  return {
    ...{ id: delivery.id, channel: maskedChannel(delivery.channel), kind: delivery.kind },
    ...{ status: delivery.status, reason: delivery.reason, attempts: delivery.attempts },
    created_at: isoTime(delivery.createdAtMs),
    finished_at: isoTimeOrNull(delivery.finishedAtMs),
  };
}
