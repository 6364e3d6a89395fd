import type { Knex } from 'knex';
import type {
  Agent,
  AgentListing,
  AgentStatus,
  AgentStore,
  SeenAgent,
} from '../../agents/index.ts';
import { addAudit } from './audit-store.ts';
import { isDuplicate, toDate, toDateOrNull, toMsOrNull } from './rows.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  tenant_id: string;
  host_id: string;
  machine: string | null;
  token_id: string | null;
  enrolled_at: Date | null;
  boot_id: string | null;
  former_boot_id: string | null;
  beat_at: Date | null;
  clone_boot_id: string | null;
  clone_seen_at: Date | null;
  key_id: string | null;
  next_key_id: string | null;
  next_key_at: Date | null;
  rotate_wanted_at: Date | null;
}

interface ListedRow extends Row {
  total: string;
  status: AgentStatus;
  hostname: string;
  agent_version: string | null;
  os: string | null;
  arch: string | null;
  last_seen_at: Date | null;
  reported: Record<string, unknown> | null;
}

type Enrolment = Parameters<AgentStore['enrol']>[0];

export function createAgentStore(knex: Knex): AgentStore {
  const store: AgentStore = {
    async find(tenantId, hostId) {
      const row = (await knex('agents').where({ tenant_id: tenantId, host_id: hostId }).first()) as
        Row | undefined;
      return row && toAgent(row);
    },
    async findByMachine(tenantId, machine) {
      const row = (await knex('agents').where({ tenant_id: tenantId, machine }).first()) as
        Row | undefined;
      return row && toAgent(row);
    },
    async isHost(tenantId, hostId) {
      const row: unknown = await knex('hosts')
        .where({ tenant_id: tenantId, id: hostId })
        .first('id');
      return row !== undefined;
    },
    async enrol(enrolment, audit) {
      try {
        return await knex.transaction(async (trx) => {
          if (!(await addHost(trx, enrolment))) return 'too_many_hosts';
          await addAgent(trx, enrolment);
          await addAudit(trx, audit);
          return 'done';
        });
      } catch (error) {
        // Another enrolment of the same machine was faster.
        if (isDuplicate(error)) return 'taken';
        throw error;
      }
    },
    async note(tenantId, hostId) {
      await knex.raw(
        `insert into agents (tenant_id, host_id) select tenant_id, id from hosts
         where tenant_id = ? and id = ? on conflict do nothing`,
        [tenantId, hostId],
      );
    },
    change: (tenantId, hostId, decide, audit) =>
      knex.transaction(async (trx) => {
        const at = { tenant_id: tenantId, host_id: hostId };
        const row = (await trx('agents').where(at).forUpdate().first()) as Row | undefined;
        if (!row) return undefined;
        const agent = toAgent(row);
        const patch = decide(agent);
        const changed = { ...agent, ...patch };
        if (Object.keys(patch).length > 0) await trx('agents').where(at).update(toRow(changed));
        if (audit) await addAudit(trx, audit);
        return changed;
      }),
    list: (listing) => list(knex, listing),
  };
  return withUnavailable(store);
}

/** False where the tenant has as many hosts as it may. */
async function addHost(trx: Knex.Transaction, enrolment: Enrolment): Promise<boolean> {
  const { tenantId, hostId, tags, atMs } = enrolment;
  // Locked, so that two enrolments do not both find room for the last host.
  await trx('tenants').where({ id: tenantId }).forUpdate().first('id');
  const updated = await trx('hosts')
    .where({ tenant_id: tenantId, id: hostId })
    .update({
      hostname: enrolment.hostname,
      agent_version: enrolment.agentVersion,
      ...(Object.keys(tags).length === 0
        ? {}
        : { tags: trx.raw('tags || ?::jsonb', [JSON.stringify(tags)]) }),
    });
  if (updated > 0) return true;
  const counted = await trx('hosts')
    .where({ tenant_id: tenantId })
    .count<{ count: string }[]>('* as count');
  if (Number(counted[0]?.count ?? 0) >= enrolment.maxHosts) return false;
  await trx('hosts').insert({
    ...{ tenant_id: tenantId, id: hostId, hostname: enrolment.hostname },
    ...{ agent_version: enrolment.agentVersion, tags: JSON.stringify(tags) },
    created_at: toDate(atMs),
  });
  return true;
}

async function addAgent(trx: Knex.Transaction, enrolment: Enrolment): Promise<void> {
  const { tenantId, hostId, machine, bootId } = enrolment;
  const facts = {
    ...{ machine, token_id: enrolment.tokenId, os: enrolment.os, arch: enrolment.arch },
    ...{ enrolled_at: toDate(enrolment.atMs), boot_id: bootId },
  };
  await trx('agents')
    .insert({ tenant_id: tenantId, host_id: hostId, ...facts })
    .onConflict(['tenant_id', 'host_id'])
    .merge({
      ...facts,
      // The machine's boot before this one, unless it is the same.
      former_boot_id: trx.raw(
        'case when agents.boot_id = excluded.boot_id then agents.former_boot_id else agents.boot_id end',
      ),
    });
}

const statusSql = `case
  when a.clone_seen_at > :cloneBefore then 'clone'
  when a.beat_at is null then 'never'
  when a.beat_at < :silentBefore then 'silent'
  else 'ok' end`;

/** One statement for the page and the total, so that both tell of the same moment. */
async function list(knex: Knex, listing: AgentListing) {
  const { tenantId, status, hostId } = listing;
  const answer = await knex.raw<{ rows: ListedRow[] }>(
    `with found as (
       select a.*, ${statusSql} as status, h.hostname, h.agent_version, h.last_seen_at, s.reported
       from agents a
       join hosts h on h.tenant_id = a.tenant_id and h.id = a.host_id
       left join agent_status s on s.tenant_id = a.tenant_id and s.host_id = a.host_id
       where a.tenant_id = :tenantId ${hostId === undefined ? '' : 'and a.host_id = :hostId'}
     ), wanted as (
       select * from found ${status === undefined ? '' : 'where status = :status'}
     )
     select counted.total, page.* from (select count(*) as total from wanted) counted
     left join lateral (
       select * from wanted order by hostname, host_id limit :limit offset :offset
     ) page on true`,
    {
      ...{ tenantId, limit: listing.limit, offset: listing.offset },
      ...(hostId === undefined ? {} : { hostId }),
      ...(status === undefined ? {} : { status }),
      silentBefore: toDate(listing.silentBeforeMs),
      cloneBefore: toDate(listing.cloneBeforeMs),
    },
  );
  const { rows } = answer;
  // Past the end there is one row, which has the total and no agent.
  const items = rows.filter(({ host_id: id }) => (id as string | null) !== null).map(toSeen);
  return { items, total: Number(rows[0]?.total ?? 0) };
}

function toSeen(row: ListedRow): SeenAgent {
  return {
    agent: toAgent(row),
    status: row.status,
    hostname: row.hostname,
    agentVersion: row.agent_version,
    os: row.os,
    arch: row.arch,
    lastSeenAtMs: toMsOrNull(row.last_seen_at),
    reported: row.reported ?? {},
  };
}

function toAgent(row: Row): Agent {
  return {
    tenantId: row.tenant_id,
    hostId: row.host_id,
    machine: row.machine,
    tokenId: row.token_id,
    enrolledAtMs: toMsOrNull(row.enrolled_at),
    bootId: row.boot_id,
    formerBootId: row.former_boot_id,
    beatAtMs: toMsOrNull(row.beat_at),
    cloneBootId: row.clone_boot_id,
    cloneSeenAtMs: toMsOrNull(row.clone_seen_at),
    keyId: row.key_id,
    nextKeyId: row.next_key_id,
    nextKeyAtMs: toMsOrNull(row.next_key_at),
    rotateWantedAtMs: toMsOrNull(row.rotate_wanted_at),
  };
}

function toRow(agent: Agent): Row {
  return {
    tenant_id: agent.tenantId,
    host_id: agent.hostId,
    machine: agent.machine,
    token_id: agent.tokenId,
    enrolled_at: toDateOrNull(agent.enrolledAtMs),
    boot_id: agent.bootId,
    former_boot_id: agent.formerBootId,
    beat_at: toDateOrNull(agent.beatAtMs),
    clone_boot_id: agent.cloneBootId,
    clone_seen_at: toDateOrNull(agent.cloneSeenAtMs),
    key_id: agent.keyId,
    next_key_id: agent.nextKeyId,
    next_key_at: toDateOrNull(agent.nextKeyAtMs),
    rotate_wanted_at: toDateOrNull(agent.rotateWantedAtMs),
  };
}
