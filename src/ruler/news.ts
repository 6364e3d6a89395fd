import {
  decideNotice,
  fingerprint,
  type AlertInstance,
  type AlertNotification,
  type Instances,
  type Labels,
  type NoticeDecision,
  type NotificationKind,
} from '../alerts/index.ts';
import type { AlertingRule } from '../rules/index.ts';
import type { Delivery, Incident, IncidentEvent } from './ports.ts';

export type Incidents = ReadonlyMap<string, Incident>;

/** What one rule's alerts give people to know at one evaluation. */
export interface News {
  incidents: Incidents;
  changed: { incident: Incident; isCurrent: boolean }[];
  events: IncidentEvent[];
  deliveries: Delivery[];
}

export interface NewsTerms {
  atMs: number;
  repeatMs: number;
  /** Ids of the silences that hold an alert back. */
  silencedBy: (labels: Labels) => readonly string[];
  /** Channels by the names a rule gives; its tenant's own where it gives none. */
  channelsOf: (names: readonly string[]) => readonly string[];
  newId: () => string;
}

export interface NewsSubject {
  ruleKey: string;
  /** Undefined once the rule is gone. */
  rule: AlertingRule | undefined;
  instances: Instances;
}

export function newsOf(subject: NewsSubject, before: Incidents, terms: NewsTerms): News {
  const desk = new Desk(subject, terms);
  for (const instance of subject.instances.values()) {
    const known = before.get(instance.key);
    if (instance.state === 'firing' || known) desk.judge(instance, known);
  }
  for (const incident of before.values()) {
    if (!subject.instances.has(incident.key)) desk.judge(undefined, incident);
  }
  return desk.news;
}

class Desk {
  readonly news: News & { incidents: Map<string, Incident> } = {
    ...{ incidents: new Map<string, Incident>(), changed: [], events: [], deliveries: [] },
  };
  private readonly subject: NewsSubject;
  private readonly terms: NewsTerms;

  constructor(subject: NewsSubject, terms: NewsTerms) {
    this.subject = subject;
    this.terms = terms;
  }

  judge(instance: AlertInstance | undefined, known: Incident | undefined): void {
    const { atMs, repeatMs, silencedBy } = this.terms;
    const isFiring = instance?.state === 'firing';
    const labels = instance?.labels ?? known?.labels ?? new Map<string, string>();
    const silences = isFiring ? silencedBy(labels) : [];
    const { episode, decision } = decideNotice(known?.episode, isFiring, atMs, {
      cooldownMs: this.subject.rule?.cooldownMs ?? 0,
      repeatMs,
      isSilenced: silences.length > 0,
    });
    const isSame = known !== undefined && episode?.openedAtMs === known.episode.openedAtMs;
    if (known && !isSame) this.news.changed.push({ incident: known, isCurrent: false });
    if (episode === undefined) return;
    const base = isSame ? known : instance && this.opened(instance);
    if (base === undefined) return;
    const incident = { ...base, ...(isFiring ? seen(instance) : {}), episode };
    if (isSame && known.episode === episode && decision.send === 'nothing') {
      this.hold(known, decision, silences);
      return;
    }
    this.tell(incident, isSame ? known : undefined, decision);
    if (decision.send === 'nothing') this.hold(incident, decision, silences);
    this.news.changed.push({ incident: this.news.incidents.get(incident.key)!, isCurrent: true });
  }

  private opened({ key, labels }: AlertInstance): Omit<Incident, 'episode'> {
    const { rule, ruleKey } = this.subject;
    return {
      ...{ id: this.terms.newId(), ruleKey, ruleName: rule?.name ?? ruleKey, key },
      ...{ fingerprint: fingerprint(labels), labels, annotations: new Map(), value: 0 },
      ...{ channels: this.terms.channelsOf(rule?.channels ?? []), seq: 0 },
    };
  }

  /** The state's change in the timeline, and the message in the outbox. */
  private tell(incident: Incident, before: Incident | undefined, decision: NoticeDecision): void {
    const { episode, id } = incident;
    const event = (kind: IncidentEvent['kind'], detail: IncidentEvent['detail'] = {}) =>
      this.news.events.push({ incidentId: id, kind, detail });
    const { value } = incident;
    if (before === undefined) event('firing', { value });
    else if (before.episode.closedAtMs !== undefined && episode.closedAtMs === undefined)
      event('reopened', { value, flaps: episode.flaps });
    else if (before.episode.closedAtMs === undefined && episode.closedAtMs !== undefined)
      event('resolved', this.subject.rule ? {} : { reason: 'rule-removed' });
    if (decision.send === 'nothing') {
      this.news.incidents.set(incident.key, incident);
      return;
    }
    const kind = decision.send;
    if (incident.channels.length === 0) event('not-sent', { kind, reason: 'no-channel' });
    else event('queued', { kind, channels: incident.channels });
    const next = { ...incident, seq: incident.seq + 1, heldFor: undefined };
    this.news.incidents.set(incident.key, next);
    for (const channel of incident.channels)
      this.news.deliveries.push(delivery(next, channel, kind));
  }

  private hold(incident: Incident, decision: NoticeDecision, silences: readonly string[]): void {
    const reason = decision.send === 'nothing' ? decision.reason : undefined;
    const isNew = reason !== 'unchanged' && reason !== incident.heldFor;
    if (isNew) {
      const detail = { reason, ...(silences.length > 0 ? { silences } : {}) };
      this.news.events.push({ incidentId: incident.id, kind: 'held', detail });
    }
    this.news.incidents.set(incident.key, isNew ? { ...incident, heldFor: reason } : incident);
  }
}

const seen = ({ value, annotations }: AlertInstance) => ({ value, annotations });

function delivery(incident: Incident, channel: string, kind: NotificationKind): Delivery {
  const { id, ruleKey, seq } = incident;
  return { incidentId: id, ruleKey, channel, kind, seq, alert: notificationOf(incident) };
}

function notificationOf(incident: Incident): AlertNotification {
  const { labels, annotations, episode, generatorUrl } = incident;
  const severity = labels.get('severity');
  const hostId = labels.get('host_id');
  return {
    ruleName: incident.ruleName,
    labels: Object.fromEntries(labels),
    annotations: Object.fromEntries(annotations),
    value: incident.value,
    ...(severity === undefined ? {} : { severity }),
    ...(hostId === undefined ? {} : { hostId }),
    startsAtMs: episode.openedAtMs,
    ...(episode.closedAtMs === undefined ? {} : { endsAtMs: episode.closedAtMs }),
    ...(generatorUrl === undefined ? {} : { generatorUrl }),
    flaps: episode.flaps,
  };
}
