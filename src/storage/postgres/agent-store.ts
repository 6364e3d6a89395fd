import type { Knex } from 'knex';
import type { AgentListing, AgentStatus, AgentStore, SeenAgent } from '../../agents/index.ts';
import { agentBeats } from './agent-beats.ts';
import { toAgent, toAgentRow, type AgentRow } from './agent-rows.ts';
import { addAudit } from './audit-store.ts';
import { toDate, toMsOrNull } from './rows.ts';
import { withUnavailable } from './unavailable.ts';

interface ListedRow extends AgentRow {
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
        AgentRow | undefined;
      return row && toAgent(row);
    },
    async findByMachine(tenantId, machine) {
      const row = (await knex('agents').where({ tenant_id: tenantId, machine }).first()) as
        AgentRow | undefined;
      return row && toAgent(row);
    },
    enrol: (enrolment, audit) =>
      knex.transaction(async (trx) => {
        const refusal = await whyNotEnrolled(trx, enrolment);
        if (refusal !== undefined) return refusal;
        await addHost(trx, enrolment);
        await addAgent(trx, enrolment);
        await addAudit(trx, audit);
        return 'done';
      }),
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
        const row = (await trx('agents').where(at).forUpdate().first()) as AgentRow | undefined;
        if (!row) return undefined;
        const agent = toAgent(row);
        const patch = decide(agent);
        const changed = { ...agent, ...patch };
        if (Object.keys(patch).length > 0)
          await trx('agents').where(at).update(toAgentRow(changed));
        if (audit) await addAudit(trx, audit);
        return changed;
      }),
    beat: agentBeats(knex),
    list: (listing) => list(knex, listing),
  };
  return withUnavailable(store);
}

type Refusal = Exclude<Awaited<ReturnType<AgentStore['enrol']>>, 'done'>;

/** With a use of the token spent where nothing stands against it. */
async function whyNotEnrolled(
  trx: Knex.Transaction,
  { tenantId, hostId, machine, tokenId, mayTakeOver, maxHosts }: Enrolment,
): Promise<Refusal | undefined> {
  // Locked: of two enrolments at a time one would find room, a name or a use that the other takes.
  await trx('tenants').where({ id: tenantId }).forUpdate().first('id');
  const known = (await trx('agents').where({ tenant_id: tenantId, machine }).first()) as
    AgentRow | undefined;
  if (known && known.host_id !== hostId) return 'host_id_taken';
  const host: unknown = await trx('hosts').where({ tenant_id: tenantId, id: hostId }).first('id');
  // A host that is there already belongs to who has it.
  if (host !== undefined && !known && !mayTakeOver) return 'host_id_taken';
  if (host === undefined && !(await hasRoom(trx, tenantId, maxHosts))) return 'too_many_hosts';
  // Tried again with the same token: the answer was lost on the way, or the agent's state was.
  if (known?.token_id === tokenId) return undefined;
  const spent = await trx('agent_tokens')
    .where({ tenant_id: tenantId, id: tokenId, revoked_at: null })
    .whereRaw('uses < max_uses')
    .increment('uses', 1);
  return spent > 0 ? undefined : 'no_uses_left';
}

async function hasRoom(
  trx: Knex.Transaction,
  tenantId: string,
  maxHosts: number,
): Promise<boolean> {
  const counted = await trx('hosts')
    .where({ tenant_id: tenantId })
    .count<{ count: string }[]>('* as count');
  return Number(counted[0]?.count ?? 0) < maxHosts;
}

async function addHost(trx: Knex.Transaction, enrolment: Enrolment): Promise<void> {
  const facts = { hostname: enrolment.hostname, agent_version: enrolment.agentVersion };
  const tags = JSON.stringify(enrolment.tags);
  await trx('hosts')
    .insert({
      ...{ tenant_id: enrolment.tenantId, id: enrolment.hostId, ...facts, tags },
      created_at: toDate(enrolment.atMs),
    })
    .onConflict(['tenant_id', 'id'])
    .merge({ ...facts, tags: trx.raw('hosts.tags || excluded.tags') });
}

async function addAgent(trx: Knex.Transaction, enrolment: Enrolment): Promise<void> {
  const { tenantId, hostId, machine, bootId } = enrolment;
  const facts = {
    ...{ machine, token_id: enrolment.tokenId, os: enrolment.os, arch: enrolment.arch },
    enrolled_at: toDate(enrolment.atMs),
  };
  const isNew = 'agents.machine is distinct from excluded.machine';
  const isFlagged = 'agents.clone_boot_id = excluded.boot_id';
  await trx('agents')
    .insert({
      ...{ tenant_id: tenantId, host_id: hostId, ...facts },
      boot_id: bootId === '' ? null : bootId,
    })
    .onConflict(['tenant_id', 'host_id'])
    .merge({
      ...facts,
      boot_id: trx.raw(
        `case when ${isNew} then excluded.boot_id else coalesce(excluded.boot_id, agents.boot_id) end`,
      ),
      // The machine's boot before this one. A boot that returns, and another machine than before, have none: whoever
      // else speaks for the host is the second machine then.
      former_boot_id: trx.raw(
        `case when ${isNew} or agents.former_boot_id = excluded.boot_id then null
              when coalesce(excluded.boot_id, agents.boot_id) = agents.boot_id then agents.former_boot_id
              else agents.boot_id end`,
      ),
      clone_boot_id: trx.raw(
        `case when ${isNew} or ${isFlagged} then null else agents.clone_boot_id end`,
      ),
      clone_seen_at: trx.raw(
        `case when ${isNew} or ${isFlagged} then null else agents.clone_seen_at end`,
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
