import {
  compileMatchers,
  compileSilences,
  fingerprint,
  isAcknowledged,
  type SilenceMatcher,
} from '../alerts/index.ts';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type {
  IncidentStore,
  ReceivedAlert,
  ReceivedAlertStore,
  SilenceStore,
  StoredIncident,
  Texts,
} from './ports.ts';

/** An alert as Alertmanager's clients know it. Times are milliseconds since the epoch. */
export interface ManagedAlert {
  labels: Texts;
  annotations: Texts;
  startsAtMs: number;
  endsAtMs: number;
  updatedAtMs: number;
  generatorUrl: string;
  fingerprint: string;
  /** Channels, or `default` where it has none. */
  receivers: readonly string[];
  silencedBy: readonly string[];
  /** `ack:PERSON`. */
  mutedBy: readonly string[];
}

/** An alert as it was posted; times of Go's zero are absent. */
export interface PostedAlert {
  labels: Texts;
  annotations: Texts;
  startsAtMs: number | undefined;
  endsAtMs: number | undefined;
  generatorUrl: string | undefined;
}

export interface AlertChoice {
  matchers: readonly SilenceMatcher[];
  active: boolean;
  silenced: boolean;
  /** Alerts that somebody took over. */
  muted: boolean;
  /** A regular expression that the whole name of a receiver matches. */
  receiver: ((name: string) => boolean) | undefined;
}

/** Alerts as an Alertmanager has them: those of the rules here, and those that other servers posted. */
export interface Alertmanager {
  /** By fingerprint. */
  alerts(tenantId: string, choice: AlertChoice): Promise<ManagedAlert[]>;
  /** Stores those that are valid; throws BAD_REQUEST with what is wrong with the others. */
  post(tenantId: string, alerts: readonly PostedAlert[]): Promise<void>;
}

interface Deps {
  incidents: IncidentStore;
  received: ReceivedAlertStore;
  silences: SilenceStore;
  clock: Clock;
}

/** Alertmanager's `resolve_timeout`: how long an alert without an end lasts when nobody posts it again. */
const resolveTimeoutMs = 5 * 60_000;
/** Ended ones stay long enough for every evaluation to see their end. */
const keptMs = 60 * 60_000;
const mostReceived = 20_000;
const mostOpen = 20_000;
export const defaultReceiver = 'default';
/** Group of the alerts that others posted, once they are incidents. */
export const receivedGroup = 'received;alertmanager';

export function createAlertmanager({ incidents, received, silences, clock }: Deps): Alertmanager {
  return {
    async alerts(tenantId, choice) {
      const nowMs = clock.nowMs();
      const [firing, acknowledged, posted, known] = await Promise.all([
        incidents.list(tenantId, { state: 'firing', nowMs }, { limit: mostOpen, offset: 0 }),
        incidents.list(tenantId, { state: 'acknowledged', nowMs }, { limit: mostOpen, offset: 0 }),
        received.list(tenantId),
        silences.list(tenantId, nowMs),
      ]);
      const open = [...firing.items, ...acknowledged.items];
      const silencedBy = compileSilences(known);
      const alerts = [...fromIncidents(open, nowMs), ...fromPosted(posted, open, nowMs)];
      const matches = compileMatchers(choice.matchers);
      return alerts
        .filter(({ labels }) => matches(new Map(Object.entries(labels))))
        .map((alert) => ({
          ...alert,
          silencedBy: silencedBy(new Map(Object.entries(alert.labels)), nowMs),
        }))
        .filter((alert) => isChosen(alert, choice))
        .sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
    },
    async post(tenantId, posted) {
      const nowMs = clock.nowMs();
      const judged = posted.map((alert) => toReceived(alert, nowMs));
      const wrong = judged.filter((one) => typeof one === 'string');
      const good = new Map<string, ReceivedAlert>();
      for (const one of judged) if (typeof one !== 'string') good.set(one.fingerprint, one);
      const limits = { most: mostReceived, forgetBeforeMs: nowMs - keptMs };
      if (good.size > 0 && !(await received.merge(tenantId, [...good.values()], limits))) {
        throw new GaugewayError('BAD_REQUEST', `more than ${String(mostReceived)} alerts`);
      }
      if (wrong.length > 0) throw new GaugewayError('BAD_REQUEST', [...new Set(wrong)].join('; '));
    },
  };
}

function fromIncidents(open: readonly StoredIncident[], nowMs: number): ManagedAlert[] {
  return open
    .filter(({ groupKey }) => groupKey !== receivedGroup)
    .map((incident) => ({
      ...{ labels: incident.labels, annotations: incident.annotations },
      startsAtMs: incident.episode.openedAtMs,
      // It goes on: clients take an end that is past for a resolved alert.
      ...{ endsAtMs: nowMs + resolveTimeoutMs, updatedAtMs: nowMs },
      ...{ generatorUrl: incident.generatorUrl ?? '', fingerprint: incident.fingerprint },
      receivers: incident.channels.length === 0 ? [defaultReceiver] : incident.channels,
      ...{ silencedBy: [], mutedBy: mutedBy(incident, nowMs) },
    }));
}

/** What was posted shows at once, also before a ruler has seen it. */
function fromPosted(
  posted: readonly ReceivedAlert[],
  open: readonly StoredIncident[],
  nowMs: number,
): ManagedAlert[] {
  const incidents = new Map(
    open
      .filter(({ groupKey }) => groupKey === receivedGroup)
      .map((incident) => [incident.fingerprint, incident]),
  );
  return posted
    .filter(({ endsAtMs }) => endsAtMs > nowMs)
    .map((alert) => {
      const incident = incidents.get(alert.fingerprint);
      const channels = incident?.channels ?? [];
      return {
        ...{ labels: alert.labels, annotations: alert.annotations },
        ...{ startsAtMs: alert.startsAtMs, endsAtMs: alert.endsAtMs },
        ...{ updatedAtMs: alert.updatedAtMs, generatorUrl: alert.generatorUrl ?? '' },
        ...{ fingerprint: alert.fingerprint, silencedBy: [] },
        receivers: channels.length === 0 ? [defaultReceiver] : channels,
        mutedBy: incident ? mutedBy(incident, nowMs) : [],
      };
    });
}

function mutedBy({ episode }: StoredIncident, nowMs: number): string[] {
  return isAcknowledged(episode, nowMs) ? [`ack:${episode.acknowledgement?.by ?? ''}`] : [];
}

function isChosen(alert: ManagedAlert, choice: AlertChoice): boolean {
  const isSilenced = alert.silencedBy.length > 0;
  const isMuted = alert.mutedBy.length > 0;
  if (isSilenced && !choice.silenced) return false;
  if (isMuted && !choice.muted) return false;
  if (!isSilenced && !isMuted && !choice.active) return false;
  return choice.receiver === undefined || alert.receivers.some(choice.receiver);
}

/** The alert as it is stored, or what is wrong with it, in Alertmanager's words (api/v2 `postAlertsHandler`). */
function toReceived(posted: PostedAlert, nowMs: number): ReceivedAlert | string {
  const entries = Object.entries(posted.labels).filter(([, value]) => value !== '');
  if (entries.length === 0) return 'at least one label pair required';
  const { startsAtMs = Math.min(posted.endsAtMs ?? nowMs, nowMs) } = posted;
  const { endsAtMs = nowMs + resolveTimeoutMs } = posted;
  if (endsAtMs < startsAtMs) return 'start time must be before end time';
  const labels = Object.fromEntries(entries);
  return {
    ...{ fingerprint: fingerprint(new Map(entries)), labels, annotations: posted.annotations },
    ...{ startsAtMs, endsAtMs, updatedAtMs: nowMs, generatorUrl: posted.generatorUrl ?? null },
  };
}
