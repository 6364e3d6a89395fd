import { z } from 'zod';
import { topBy, type Hosts, type TopProcess } from '../../hosts/index.ts';
import { found, isoTimeOrNull, principalOf, queryOf } from '../parse.ts';
import type { Route } from '../route.ts';
import { topProcessesAnswer } from '../schemas/agents.ts';

const querySchema = z.strictObject({
  host_id: z.string().min(1).max(63),
  metric: z.enum(['cpu', 'mem', 'gpu_mem']).default('cpu'),
  limit: z.coerce.number().int().min(1).max(100).default(10),
});

/** What runs on one host, PRP §8.4: as old as its last heartbeat, 30 s at most while the agent lives. */
export function processRoutes({ hosts }: { hosts: Hosts }): Route[] {
  return [
    {
      ...{ method: 'GET', needs: 'read', errors: 'envelope', path: '/api/v1/processes/top' },
      summary: 'Leading processes of one host',
      spec: { tag: 'Hosts', query: querySchema, answers: { 200: topProcessesAnswer } },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const { host_id: hostId, metric, limit } = queryOf(call.req, querySchema);
        await found('host', hosts.get(tenantId, hostId));
        const { atMs, processes } = await hosts.topProcesses(tenantId, hostId);
        call.res.json({
          processes: topBy(processes, metric, limit).map(toJson),
          host_id: hostId,
          as_of: isoTimeOrNull(atMs),
        });
      },
    },
  ];
}

function toJson(row: TopProcess) {
  return {
    pid: row.pid,
    name: row.name,
    cpu_pct: row.cpuPercent,
    mem_mb: row.memMib,
    gpu_mem_mb: row.gpuMemMib,
    gpu_index: row.gpuIndex,
  };
}
