import type { Knex } from 'knex';
import type { HeartbeatReport, HostStore } from '../../hosts/index.ts';
import { toDate } from './rows.ts';
import { together } from './together.ts';

interface Heartbeat {
  report: HeartbeatReport;
  atMs: number;
}

/** One statement for those of a tenant that come close together: heartbeats are the most of what Postgres is asked. */
export function heartbeats(knex: Knex): HostStore['saveHeartbeat'] {
  const save = together<Heartbeat, boolean>(async (tenantId, beats) => {
    // The last of a host: a statement cannot write a row twice.
    const last = new Map(beats.map((beat) => [beat.report.hostId, toRow(beat)]));
    const { rows } = await knex.raw<{ rows: { host_id: string }[] }>(saveSql, {
      ...{ tenantId, beats: JSON.stringify([...last.values()]) },
    });
    const known = new Set(rows.map((row) => row.host_id));
    return beats.map(({ report }) => known.has(report.hostId));
  });
  return (tenantId, report, atMs) => save(tenantId, { report, atMs });
}

function toRow({ report, atMs }: Heartbeat) {
  const { hostId, hostname, ips, hasGpu, agentVersion, reported } = report;
  return { hostId, hostname, ips, hasGpu, agentVersion, reported, at: toDate(atMs).toISOString() };
}

/** Hosts are locked in one order, as another gateway may hold the same ones. What a person set stays. */
const saveSql = `
  with beats as (
    select * from jsonb_to_recordset(cast(:beats as jsonb)) as beat ("hostId" text, hostname text, ips text[],
      "hasGpu" boolean, "agentVersion" text, reported jsonb, at timestamptz)
  ), locked as (
    select hosts.id from hosts join beats on hosts.id = beats."hostId"
    where hosts.tenant_id = :tenantId order by hosts.id for no key update of hosts
  ), known as (
    update hosts set
      hostname = case when 'hostname' = any(hosts.pinned) then hosts.hostname else beats.hostname end,
      ips = case when 'ips' = any(hosts.pinned) then hosts.ips else beats.ips end,
      has_gpu = beats."hasGpu", agent_version = beats."agentVersion", last_seen_at = beats.at
    from beats join locked on locked.id = beats."hostId"
    where hosts.tenant_id = :tenantId and hosts.id = beats."hostId"
    returning hosts.id, beats.reported, beats.at
  )
  insert into agent_status (tenant_id, host_id, reported, received_at)
  select :tenantId, id, reported, at from known order by id
  on conflict (tenant_id, host_id)
  do update set reported = excluded.reported, received_at = excluded.received_at
  returning host_id`;
