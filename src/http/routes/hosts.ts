import { z } from 'zod';
import type { HeartbeatReport, Host, Hosts } from '../../hosts/index.ts';
import { GaugewayError, type Clock } from '../../platform/index.ts';
import { bodyOf, found, isoTimeOrNull, pageOf, paramOf, principalOf } from '../parse.ts';
import type { Call, Route } from '../route.ts';

/** What the server decides for a tenant's agents; the version grows with every change. */
export interface AgentConfig {
  version: number | string;
  interval_seconds: number;
  top_n: number;
  mask_process_names: boolean;
}

export interface HostRouteDeps {
  hosts: Hosts;
  agentConfigOf: (tenantId: string, hostId: string) => AgentConfig;
  clock: Clock;
}

/** Fields beyond these are kept as they come: a newer agent may know more than this server. */
const heartbeat = z
  .looseObject({
    host_id: z.string().min(1).max(200),
    hostname: z.string().min(1).max(255),
    agent_version: z.string().max(64),
    ips: z.array(z.string().max(64)).max(64).default([]),
    has_gpu: z.boolean().default(false),
  })
  .transform((body): HeartbeatReport => ({
    ...{ hostId: body.host_id, hostname: body.hostname, agentVersion: body.agent_version },
    ...{ ips: body.ips, hasGpu: body.has_gpu, reported: body },
  }));

/** The inventory as far as the write path makes it; the rest of PRP §8.2 comes with the REST API. */
export function hostRoutes({ hosts, agentConfigOf, clock }: HostRouteDeps): Route[] {
  const row = { errors: 'envelope' } as const;
  return [
    {
      ...{ ...row, method: 'GET', path: '/api/v1/hosts', needs: 'read' },
      summary: 'Hosts of the tenant',
      async handle(call) {
        const page = pageOf(call.req);
        const { items, total } = await hosts.list(principalOf(call).tenantId, page);
        call.res.json({ hosts: items.map(toJson), total, ...page });
      },
    },
    {
      ...{ ...row, method: 'GET', path: '/api/v1/hosts/:id', needs: 'read', summary: 'One host' },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const host = await found('host', hosts.get(tenantId, paramOf(call.req, 'id')));
        call.res.json(toJson(host));
      },
    },
    {
      ...{ ...row, method: 'POST', path: '/api/v1/ingest/heartbeat', needs: 'write' },
      summary: 'Sign of life of an agent; answers with its configuration',
      handle: (call) => takeHeartbeat(call, { hosts, agentConfigOf, clock }),
    },
  ];
}

async function takeHeartbeat(call: Call, deps: HostRouteDeps): Promise<void> {
  const report = bodyOf(call.req, heartbeat);
  const { tenantId, hostId } = principalOf(call);
  if (hostId !== undefined && hostId !== report.hostId) {
    throw new GaugewayError('FORBIDDEN', 'The key speaks for another host');
  }
  if (!(await deps.hosts.heartbeat(tenantId, report))) {
    throw new GaugewayError('RATE_LIMIT_EXCEEDED', 'The tenant has as many hosts as it may', {
      retryAfterSeconds: 300,
    });
  }
  call.res.json({
    server_time_ms: deps.clock.nowMs(),
    config: deps.agentConfigOf(tenantId, report.hostId),
  });
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
