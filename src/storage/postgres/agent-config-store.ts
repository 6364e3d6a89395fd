import type { Knex } from 'knex';
import type { AgentConfigStore, AgentSettings } from '../../agents/index.ts';
import { addAudit } from './audit-store.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  tenant_id: string;
  host_id: string;
  settings: AgentSettings;
  /** bigint: text. */
  version: string;
}

export function createAgentConfigStore(knex: Knex): AgentConfigStore {
  const store: AgentConfigStore = {
    async tenants() {
      const rows = (await knex('agent_defaults')
        .select('tenant_id')
        .union([knex('agent_overrides').select('tenant_id')])) as Pick<Row, 'tenant_id'>[];
      return rows.map((row) => row.tenant_id);
    },
    async ofTenant(tenantId) {
      const at = { tenant_id: tenantId };
      const [tenant, hosts] = (await Promise.all([
        knex('agent_defaults').where(at).first(),
        knex('agent_overrides').where(at),
      ])) as [Row | undefined, Row[]];
      return {
        tenant: tenant && toLayer(tenant),
        hosts: new Map(hosts.map((row) => [row.host_id, toLayer(row)])),
      };
    },
    put: (tenantId, hostId, settings, audit) =>
      knex.transaction(async (trx) => {
        const changed = {
          settings: JSON.stringify(settings),
          version: trx.raw("nextval('agent_config_version')"),
        };
        if (hostId === undefined) {
          await trx('agent_defaults')
            .insert({ tenant_id: tenantId, ...changed })
            .onConflict('tenant_id')
            .merge();
        } else {
          const at = { tenant_id: tenantId, host_id: hostId };
          const host: unknown = await trx('hosts')
            .where({ tenant_id: tenantId, id: hostId })
            .forShare()
            .first('id');
          if (host === undefined) return false;
          await trx('agent_overrides')
            .insert({ ...at, ...changed })
            .onConflict(['tenant_id', 'host_id'])
            .merge();
        }
        await addAudit(trx, audit);
        return true;
      }),
    remove: (tenantId, hostId, audit) =>
      knex.transaction(async (trx) => {
        const at = { tenant_id: tenantId, host_id: hostId };
        if ((await trx('agent_overrides').where(at).delete()) === 0) return false;
        await addAudit(trx, audit);
        return true;
      }),
  };
  return withUnavailable(acrossTenants(store, 'tenants', 'ofTenant'));
}

function toLayer({ settings, version }: Row) {
  return { settings, version };
}
