import { z } from 'zod';
import { settingsSchema } from '../../agents/index.ts';
import { listAnswer, maybeText, maybeTime } from './common.ts';

const figure = z.number().nullable();

export const settingsAnswer = settingsSchema.extend({ version: z.string() });
export const hostConfigAnswer = z.strictObject({
  effective: settingsAnswer,
  override: settingsSchema.nullable(),
});

export const agentAnswer = z.strictObject({
  host_id: z.string(),
  hostname: z.string(),
  status: z.enum(['ok', 'silent', 'never', 'clone']),
  version: maybeText,
  os: maybeText,
  arch: maybeText,
  profile: maybeText,
  enrolled_at: maybeTime,
  last_heartbeat_at: maybeTime,
  lag_seconds: figure,
  uptime_seconds: figure,
  clock_offset_ms: figure,
  buffer: z.strictObject({ bytes: figure, oldest_age_seconds: figure, dropped_batches: figure }),
  cost: z.strictObject({
    rss_bytes: figure,
    cpu_ratio: figure,
    budget: z.strictObject({ rss_bytes: z.number(), cpu_ratio: z.number() }),
    within_budget: z.boolean().nullable(),
  }),
  config: z.strictObject({ wanted: z.string(), applied: maybeText, error: maybeText }),
  key_rotation: z.enum(['none', 'pending']),
  clone: z.strictObject({ seen_at: maybeTime }).nullable(),
  last_error: maybeText,
});
export const agentsAnswer = listAnswer('agents', agentAnswer);

export const enrolledAnswer = z.strictObject({
  host_id: z.string(),
  key: z.string().describe('Shown this once.'),
  config: settingsAnswer,
});

export const topProcessesAnswer = z.strictObject({
  processes: z.array(
    z.strictObject({
      pid: z.int(),
      name: z.string().describe('A hash where the policy masks names.'),
      cpu_pct: z.number().describe('100 is one core.'),
      mem_mb: z.number(),
      gpu_mem_mb: figure,
      gpu_index: z.int().nullable(),
    }),
  ),
  host_id: z.string(),
  as_of: maybeTime.describe('When the agent read them; null before it has told any.'),
});
