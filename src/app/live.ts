import { can } from '../access/index.ts';
import type { Incidents } from '../alert-desk/index.ts';
import type { HostView, Overview } from '../hosts/index.ts';
import { toEventJson, toHostJson } from '../http/index.ts';
import {
  createLive,
  parseCursor,
  type AlertFeed,
  type Live,
  type LiveHost,
} from '../live/index.ts';
import { systemClock } from '../platform/index.ts';
import { createIncidentFeed, type Postgres } from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';
import type { People } from './people.ts';

interface Rooms {
  overview: Overview;
  incidents: Incidents;
}

/** Live updates of this process; each replica looks for itself. */
export function liveOf(
  foundation: Foundation,
  { knex }: Postgres,
  { access, hosts }: People,
  rooms: Rooms,
): Live {
  const { loaded, log, meters } = foundation;
  const clock = systemClock;
  return createLive({
    ...{ authenticate: access.authenticate, can, config: loaded.config.live, clock, log, meters },
    feed: alertFeed(createIncidentFeed(knex), rooms.incidents),
    // One that was made on another replica just now is not yet known here.
    hasHost: async (tenantId, id) =>
      hosts.tagsOf(tenantId, id) !== undefined || (await hosts.get(tenantId, id)) !== undefined,
    hosts: async (tenantId, ids) => {
      const views = await rooms.overview.every(tenantId, ids);
      return views.map((view) => toLiveHost(view, clock.nowMs()));
    },
  });
}

function alertFeed(feed: ReturnType<typeof createIncidentFeed>, incidents: Incidents): AlertFeed {
  return {
    async after(tenantId, cursor, limit) {
      const place = parseCursor(cursor);
      if (!place) return [];
      const changes = await feed.after(tenantId, place, limit);
      return changes.map(({ incident, ...change }) => ({
        ...change,
        event: toEventJson(incident, incidents.stateOf(incident)),
      }));
    },
    newest: (tenantId) => feed.newest(tenantId),
    async isKnown(tenantId, cursor) {
      const place = parseCursor(cursor);
      return place !== undefined && (await feed.has(tenantId, place));
    },
  };
}

function toLiveHost(view: HostView, nowMs: number): LiveHost {
  const { id, status, status_reason: reason, metrics_summary: figures } = toHostJson(view, nowMs);
  // Its code and metric: with the words, every figure would be a new reason.
  const why = reason && { code: reason.code, metric: reason.metric ?? null };
  return { id, status: { status, reason: why }, figures };
}
