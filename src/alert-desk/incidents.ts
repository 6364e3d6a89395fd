import type { Actor, Listed, Page } from '../access/index.ts';
import {
  acknowledge,
  compileMatchers,
  isAcknowledged,
  withdrawAcknowledgement,
  type SilenceMatcher,
} from '../alerts/index.ts';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type {
  IncidentDelivery,
  IncidentEvent,
  IncidentFilter,
  IncidentState,
  IncidentStore,
  StoredIncident,
} from './ports.ts';

/** What a person says when they take an alert over. */
export interface AcknowledgeRequest {
  comment: string;
  /** After this it no longer holds anything back. */
  untilMs: number | undefined;
}

export type AcknowledgeResult =
  | { id: string; outcome: 'acknowledged' | 'unchanged' }
  | { id: string; outcome: 'refused'; reason: 'not-firing' | 'unknown' };

export type IncidentQuery = Omit<IncidentFilter, 'nowMs' | 'equal'> & {
  matchers: readonly SilenceMatcher[];
};

/** Incidents as people see them, and what they say about them. */
export interface Incidents {
  /** Newest first. */
  list(tenantId: string, query: IncidentQuery, page: Page): Promise<Listed<StoredIncident>>;
  get(tenantId: string, id: string): Promise<StoredIncident | undefined>;
  timeline(tenantId: string, id: string): Promise<IncidentEvent[]>;
  deliveries(tenantId: string, id: string): Promise<IncidentDelivery[]>;
  stateOf(incident: StoredIncident): IncidentState;
  /** The same person with the same words again changes nothing; an alert that is over is not acknowledged. */
  acknowledge(
    tenantId: string,
    ids: readonly string[],
    request: AcknowledgeRequest,
    by: Actor,
  ): Promise<AcknowledgeResult[]>;
  /** Undefined where there is no such incident; false where nobody had acknowledged it. */
  withdraw(tenantId: string, id: string, by: Actor): Promise<boolean | undefined>;
}

interface Deps {
  store: IncidentStore;
  clock: Clock;
}

/** Newest incidents among which regular expressions look; the database judges all other filters. */
const mostScanned = 10_000;

export function createIncidents(deps: Deps): Incidents {
  return { ...reading(deps), ...acknowledging(deps) };
}

function reading({ store, clock }: Deps): Omit<Incidents, 'acknowledge' | 'withdraw'> {
  return {
    stateOf({ episode }) {
      if (episode.closedAtMs !== undefined) return 'resolved';
      return isAcknowledged(episode, clock.nowMs()) ? 'acknowledged' : 'firing';
    },
    get: (tenantId, id) => store.find(tenantId, id),
    timeline: (tenantId, id) => store.timeline(tenantId, id),
    deliveries: (tenantId, id) => store.deliveries(tenantId, id),
    async list(tenantId, { matchers, ...query }, page) {
      const equal = matchers.filter(({ isRegex }) => !isRegex);
      const filter = { ...query, equal, nowMs: clock.nowMs() };
      if (equal.length === matchers.length) return store.list(tenantId, filter, page);
      const matches = compileMatchers(matchers);
      const { items } = await store.list(tenantId, filter, { limit: mostScanned, offset: 0 });
      const found = items.filter(({ labels }) => matches(new Map(Object.entries(labels))));
      return { items: found.slice(page.offset, page.offset + page.limit), total: found.length };
    },
  };
}

function acknowledging({ store, clock }: Deps): Pick<Incidents, 'acknowledge' | 'withdraw'> {
  return {
    async acknowledge(tenantId, ids, { comment, untilMs }, by) {
      const atMs = clock.nowMs();
      if (untilMs !== undefined && untilMs <= atMs) {
        throw new GaugewayError('BAD_REQUEST', 'expires_at: expected a time to come');
      }
      const words = { by: by.name, comment, ...(untilMs === undefined ? {} : { untilMs }) };
      const detail = { comment, ...(untilMs === undefined ? {} : { until_ms: untilMs }) };
      const results = new Map<string, AcknowledgeResult>();
      const decide = ({ id, episode }: StoredIncident) => {
        const outcome = acknowledge(episode, { ...words, atMs });
        results.set(id, resultOf(id, outcome));
        return outcome.ok && outcome.changed ? outcome.episode : undefined;
      };
      await store.acknowledge(tenantId, ids, decide, {
        ...{ atMs, event: { atMs, kind: 'acknowledged', actor: by.name, detail } },
        audit: { actor: by, tenantId, action: 'alert_acknowledged', atMs, details: detail },
      });
      return ids.map((id) => results.get(id) ?? { id, outcome: 'refused', reason: 'unknown' });
    },
    async withdraw(tenantId, id, by) {
      const atMs = clock.nowMs();
      let wasAcknowledged: boolean | undefined;
      const decide = ({ episode }: StoredIncident) => {
        wasAcknowledged = episode.acknowledgement !== undefined;
        return wasAcknowledged ? withdrawAcknowledgement(episode) : undefined;
      };
      await store.acknowledge(tenantId, [id], decide, {
        ...{ atMs, event: { atMs, kind: 'unacknowledged', actor: by.name, detail: {} } },
        audit: { actor: by, tenantId, action: 'alert_unacknowledged', atMs },
      });
      return wasAcknowledged;
    },
  };
}

function resultOf(id: string, outcome: ReturnType<typeof acknowledge>): AcknowledgeResult {
  if (!outcome.ok) return { id, outcome: 'refused', reason: outcome.reason };
  return { id, outcome: outcome.changed ? 'acknowledged' : 'unchanged' };
}
