import type { Knex } from 'knex';
import type { StoredIncident } from '../../alert-desk/index.ts';
import { toIncident, type IncidentListRow } from './incident-store.ts';

/** One row of the timelines, with its incident as it is now. */
export interface FedChange {
  cursor: string;
  change: string;
  atMs: number;
  incident: StoredIncident;
}

/** What commits later never comes before what was read: see the migration `order_incident_events`. */
export interface IncidentFeed {
  after(tenantId: string, place: Place, limit: number): Promise<FedChange[]>;
  newest(tenantId: string): Promise<string>;
  /** Whether the tenant's timelines have this row, or it is their beginning. */
  has(tenantId: string, place: Place): Promise<boolean>;
}

interface Place {
  xid: string;
  id: string;
}

interface Row extends IncidentListRow {
  event_xid: string;
  event_id: string;
  event_at_ms: string;
  event_kind: string;
}

const finished = 'e.xid < pg_snapshot_xmin(pg_current_snapshot())';
/** Before every row. */
const beginning = '0.0';

export function createIncidentFeed(knex: Knex): IncidentFeed {
  return {
    async after(tenantId, { xid, id }, limit) {
      const { rows } = await knex.raw<{ rows: Row[] }>(
        `select i.*, e.xid::text as event_xid, e.id::text as event_id, e.at_ms as event_at_ms,
           e.kind as event_kind
         from incident_events e join incidents i on i.tenant_id = e.tenant_id and i.id = e.incident_id
         where e.tenant_id = :tenantId and (e.xid, e.id) > (:xid::xid8, :id::bigint) and ${finished}
         order by e.xid, e.id limit :limit`,
        { tenantId, xid, id, limit },
      );
      return rows.map((row) => ({
        cursor: `${row.event_xid}.${row.event_id}`,
        ...{ change: row.event_kind, atMs: Number(row.event_at_ms), incident: toIncident(row) },
      }));
    },
    async newest(tenantId) {
      const { rows } = await knex.raw<{ rows: { place: string }[] }>(
        `select e.xid::text || '.' || e.id as place from incident_events e
         where e.tenant_id = :tenantId and ${finished} order by e.xid desc, e.id desc limit 1`,
        { tenantId },
      );
      return rows[0]?.place ?? beginning;
    },
    async has(tenantId, { xid, id }) {
      if (`${xid}.${id}` === beginning) return true;
      const { rows } = await knex.raw<{ rows: unknown[] }>(
        `select 1 from incident_events
         where tenant_id = :tenantId and xid = :xid::xid8 and id = :id::bigint`,
        { tenantId, xid, id },
      );
      return rows.length > 0;
    },
  };
}
