import {
  decideNotice,
  fingerprint,
  type AlertInstance,
  type AlertNotification,
  type Episode,
  type Instances,
  type Labels,
  type NoticeDecision,
  type NoticeStep,
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
    const firing = instance?.state === 'firing' ? instance : undefined;
    const silences = firing ? this.terms.silencedBy(firing.labels) : [];
    const step = this.decide(firing, known, silences.length > 0);
    const same = known && isSameEpisode(known.episode, step.episode) ? known : undefined;
    if (known && !same) this.news.changed.push({ incident: known, isCurrent: false });
    if (same && step.episode === same.episode && step.decision.send === 'nothing') {
      this.news.incidents.set(same.key, this.held(same, step.decision, silences));
      return;
    }
    const incident = this.incidentOf(firing, same, step.episode);
    if (incident === undefined) return;
    const next = this.tell(incident, same, step.decision);
    this.news.incidents.set(next.key, this.held(next, step.decision, silences));
    this.news.changed.push({ incident: next, isCurrent: true });
  }

  private incidentOf(
    firing: AlertInstance | undefined,
    same: Incident | undefined,
    episode: Episode | undefined,
  ): Incident | undefined {
    const base = same ?? (firing && this.opened(firing));
    return base && episode && { ...base, ...(firing && seen(firing)), episode };
  }

  private decide(
    firing: AlertInstance | undefined,
    known: Incident | undefined,
    isSilenced: boolean,
  ): NoticeStep {
    const { atMs, repeatMs } = this.terms;
    const cooldownMs = this.subject.rule?.cooldownMs ?? 0;
    return decideNotice(known?.episode, firing !== undefined, atMs, {
      ...{ cooldownMs, repeatMs, isSilenced },
    });
  }

  private opened({ key, labels, generatorUrl }: AlertInstance): Omit<Incident, 'episode'> {
    const { rule, ruleKey } = this.subject;
    return {
      ...{ id: this.terms.newId(), ruleKey, key, generatorUrl },
      ruleName: labels.get('alertname') ?? rule?.name ?? ruleKey,
      ...{ fingerprint: fingerprint(labels), labels, annotations: new Map(), value: 0 },
      ...{ channels: this.terms.channelsOf(rule?.channels ?? []), seq: 0 },
    };
  }

  /** The state's change in the timeline, and the message in the outbox. */
  private tell(
    incident: Incident,
    before: Incident | undefined,
    decision: NoticeDecision,
  ): Incident {
    const { channels } = incident;
    this.changed(incident, before);
    if (decision.send === 'nothing') return incident;
    const kind = decision.send;
    if (channels.length === 0) this.event(incident, 'not-sent', { kind, reason: 'no-channel' });
    else this.event(incident, 'queued', { kind, channels });
    const next = { ...incident, seq: incident.seq + 1, heldFor: undefined };
    for (const channel of channels) this.news.deliveries.push(delivery(next, channel, kind));
    return next;
  }

  private changed(incident: Incident, before: Incident | undefined): void {
    const { value, episode } = incident;
    const wasOpen = before?.episode.closedAtMs === undefined;
    const isOpen = episode.closedAtMs === undefined;
    if (before === undefined) this.event(incident, 'firing', { value });
    else if (!wasOpen && isOpen) this.event(incident, 'reopened', { value, flaps: episode.flaps });
    else if (wasOpen && !isOpen)
      this.event(incident, 'resolved', this.subject.rule ? {} : { reason: 'rule-removed' });
  }

  /** Why nobody is told, once for as long as it stays so. */
  private held(
    incident: Incident,
    decision: NoticeDecision,
    silences: readonly string[],
  ): Incident {
    if (decision.send !== 'nothing' || decision.reason === 'unchanged') return incident;
    const { reason } = decision;
    if (reason === incident.heldFor) return incident;
    const detail = { reason, ...(silences.length > 0 ? { silences } : {}) };
    this.event(incident, 'held', detail);
    return { ...incident, heldFor: reason };
  }

  private event({ id }: Incident, kind: IncidentEvent['kind'], detail: IncidentEvent['detail']) {
    this.news.events.push({ incidentId: id, kind, detail });
  }
}

const isSameEpisode = (a: Episode, b: Episode | undefined) => a.openedAtMs === b?.openedAtMs;

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
