import type { Knex } from 'knex';
import type { Agent, AgentStore } from '../../agents/index.ts';
import { toAgent, toAgentRow, type AgentRow } from './agent-rows.ts';
import { together } from './together.ts';

interface Beat {
  hostId: string;
  decide: Parameters<AgentStore['beat']>[2];
}

/** As `change`, for heartbeats: one transaction for those of a tenant that come close together. */
export function agentBeats(knex: Knex): AgentStore['beat'] {
  const beat = together<Beat, Agent | undefined>((tenantId, beats) =>
    knex.transaction(async (trx) => {
      const rows = (await trx('agents')
        .where({ tenant_id: tenantId })
        .whereRaw('host_id = any(?::text[])', [beats.map(({ hostId }) => hostId)])
        // In one order everywhere: another gateway may hold the same hosts.
        .orderBy('host_id')
        .forUpdate()) as AgentRow[];
      const agents = new Map(rows.map((row) => [row.host_id, toAgent(row)]));
      const changed = new Set<string>();
      const answers = beats.map(({ hostId, decide }) => {
        const agent = agents.get(hostId);
        if (!agent) return undefined;
        const patch = decide(agent);
        const after = { ...agent, ...patch };
        agents.set(hostId, after);
        if (Object.keys(patch).length > 0) changed.add(hostId);
        return after;
      });
      if (changed.size > 0) {
        const after = [...changed].map((hostId) => toAgentRow(agents.get(hostId)!));
        await write(trx, tenantId, after);
      }
      return answers;
    }),
  );
  return (tenantId, hostId, decide) => beat(tenantId, { hostId, decide });
}

async function write(trx: Knex.Transaction, tenantId: string, rows: AgentRow[]): Promise<void> {
  const columns = Object.keys(rows[0]!).filter((name) => !['tenant_id', 'host_id'].includes(name));
  await trx.raw(
    `update agents set ${columns.map(() => '?? = after.??').join(', ')}
     from jsonb_populate_recordset(null::agents, ?::jsonb) as after
     where agents.tenant_id = ? and agents.host_id = after.host_id`,
    [...columns.flatMap((name) => [name, name]), JSON.stringify(rows), tenantId],
  );
}
