import { z } from 'zod';
import { describeReason, type Host, type HostView } from '../../hosts/index.ts';
import { isoTime, isoTimeOrNull } from '../parse.ts';

const percent = z.number().nullable();

/** PRP §7.1 and §8.2, and why the status is what it is. */
export const hostAnswer = z.strictObject({
  id: z.string(),
  hostname: z.string(),
  ips: z.array(z.string()),
  tags: z.record(z.string(), z.string()),
  status: z.enum(['ok', 'warn', 'crit']),
  status_reason: z
    .strictObject({
      code: z.enum(['heartbeat_lost', 'never_seen', 'above_90_percent', 'above_70_percent']),
      message: z.string(),
      metric: z.string().optional(),
      value: z.number().optional(),
      since: z.iso.datetime().optional(),
    })
    .nullable(),
  has_gpu: z.boolean(),
  agent_version: z.string().nullable(),
  created_at: z.iso.datetime(),
  last_seen_at: z.iso.datetime().nullable(),
  metrics_summary: z
    .strictObject({
      cpu_pct: percent,
      mem_pct: percent,
      gpu_pct: percent,
      disk_pct: percent,
      net_tx_mbps: z.number().nullable(),
      net_rx_mbps: z.number().nullable(),
    })
    .describe(
      'The newest figures; of several GPUs or disks the fullest. Null without a sample in 90 s.',
    ),
});

export function toHostJson(view: HostView, nowMs: number): z.input<typeof hostAnswer> {
  const { host, status, reason, figures } = view;
  return {
    id: host.id,
    hostname: host.hostname,
    ips: [...host.ips],
    tags: host.tags,
    status,
    status_reason: reason && {
      ...{ code: reason.code, message: describeReason(reason, nowMs) },
      ...('metric' in reason ? { metric: reason.metric, value: reason.value } : {}),
      ...('sinceMs' in reason ? { since: isoTime(reason.sinceMs) } : {}),
    },
    has_gpu: host.hasGpu,
    agent_version: host.agentVersion,
    created_at: isoTime(host.createdAtMs),
    last_seen_at: isoTimeOrNull(host.lastSeenAtMs),
    metrics_summary: {
      cpu_pct: rounded(figures?.tracked['cpu.utilization']),
      mem_pct: rounded(figures?.tracked['mem.used_pct']),
      gpu_pct: rounded(figures?.tracked['gpu.utilization']),
      disk_pct: rounded(figures?.tracked['disk.used_pct']),
      net_tx_mbps: rounded(figures?.netTxMbps),
      net_rx_mbps: rounded(figures?.netRxMbps),
    },
  };
}

/** Two digits: more is noise, and makes every answer differ from the last. */
const rounded = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Math.round(value * 100) / 100;

/** What a person gave, as an import tells it. */
export const hostFactsAnswer = z.strictObject({
  hostname: z.string(),
  ips: z.array(z.string()),
  tags: z.record(z.string(), z.string()),
});

export const toHostFacts = ({ hostname, ips, tags }: Host): z.input<typeof hostFactsAnswer> => ({
  ...{ hostname, tags },
  ips: [...ips],
});
