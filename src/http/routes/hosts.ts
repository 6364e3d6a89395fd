import type { Host, Hosts } from '../../hosts/index.ts';
import { found, isoTimeOrNull, pageOf, paramOf, principalOf } from '../parse.ts';
import type { Route } from '../route.ts';

/** The inventory as far as the write path makes it; the rest of PRP §8.2 comes with the REST API. */
export function hostRoutes({ hosts }: { hosts: Hosts }): Route[] {
  const row = { method: 'GET', needs: 'read', errors: 'envelope' } as const;
  return [
    {
      ...{ ...row, path: '/api/v1/hosts', summary: 'Hosts of the tenant' },
      async handle(call) {
        const page = pageOf(call.req);
        const { items, total } = await hosts.list(principalOf(call).tenantId, page);
        call.res.json({ hosts: items.map(toJson), total, ...page });
      },
    },
    {
      ...{ ...row, path: '/api/v1/hosts/:id', summary: 'One host' },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const host = await found('host', hosts.get(tenantId, paramOf(call.req, 'id')));
        call.res.json(toJson(host));
      },
    },
  ];
}

function toJson(host: Host) {
  return {
    id: host.id,
    hostname: host.hostname,
    ips: host.ips,
    tags: host.tags,
    has_gpu: host.hasGpu,
    agent_version: host.agentVersion,
    last_seen_at: isoTimeOrNull(host.lastSeenAtMs),
  };
}
