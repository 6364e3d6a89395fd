import { z } from 'zod';
import { listAnswer, maybeText, maybeTime, textMap, timeAnswer } from './common.ts';

/** PRP §8.1, and the refresh that it implies. */
export const tokensAnswer = z.strictObject({
  token: z.string().describe('`Bearer …`, for the Authorization header.'),
  role: z.enum(['Viewer', 'Operator', 'Admin']),
  expires_at: timeAnswer,
  refresh_token: z.string().optional().describe('Absent with `use_cookie`.'),
  refresh_expires_at: timeAnswer,
});

export const userAnswer = z.strictObject({
  id: z.string(),
  email: z.string(),
  role: z.enum(['Viewer', 'Operator', 'Admin']),
  status: z.enum(['active', 'disabled']),
  created_at: timeAnswer,
});
export const usersAnswer = listAnswer('users', userAnswer);

export const keyAnswer = z.strictObject({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  scopes: z.array(z.enum(['write', 'read', 'admin'])),
  host_id: maybeText,
  whitelist_mode: z.enum(['reject', 'drop', 'observe']).nullable(),
  created_at: timeAnswer,
  expires_at: maybeTime,
  revoked_at: maybeTime,
  last_used_at: maybeTime,
  rotated_from: maybeText,
});
export const keysAnswer = listAnswer('keys', keyAnswer);
export const issuedKeyAnswer = z.strictObject({
  id: z.string(),
  key: z.string().describe('Shown this once.'),
});

const policyAnswer = z.strictObject({
  samples_per_second: z.number().optional(),
  burst_samples: z.number().optional(),
  max_active_series: z.number().optional(),
  max_metric_names: z.number().optional(),
  max_labels: z.number().optional(),
  max_label_name_bytes: z.number().optional(),
  max_label_value_bytes: z.number().optional(),
  max_hosts: z.number().optional(),
  timestamp_past_seconds: z.number().optional(),
  timestamp_future_seconds: z.number().optional(),
  whitelist_mode: z.enum(['reject', 'drop', 'observe']).optional(),
});
export const tenantAnswer = z.strictObject({
  id: z.string(),
  name: z.string(),
  status: z.enum(['active', 'suspended', 'deleting']),
  status_reason: maybeText,
  created_at: timeAnswer,
  policy: policyAnswer,
});
export const tenantsAnswer = listAnswer('tenants', tenantAnswer);
export const newTenantAnswer = tenantAnswer.extend({
  admin: z.strictObject({
    id: z.string(),
    email: z.string(),
    password: z.string().optional().describe('Where none was given; shown this once.'),
  }),
});

export const auditAnswer = listAnswer(
  'entries',
  z.strictObject({
    id: z.string(),
    timestamp: timeAnswer,
    user_id: z.string(),
    actor: z.strictObject({ kind: z.enum(['user', 'key', 'system']), name: z.string() }),
    action: z.string(),
    target: z.string(),
    ip: maybeText,
    request_id: maybeText,
    details: z.record(z.string(), z.unknown()),
  }),
);

export const enrolmentTokenAnswer = z.strictObject({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  tags: textMap,
  host_id: maybeText,
  max_uses: z.int(),
  uses: z.int(),
  created_at: timeAnswer,
  expires_at: timeAnswer,
});
export const enrolmentTokensAnswer = listAnswer('tokens', enrolmentTokenAnswer);
export const madeTokenAnswer = z.strictObject({
  id: z.string(),
  token: z.string().describe('Shown this once.'),
  max_uses: z.int(),
  expires_at: timeAnswer,
  install: z.string().describe('A line for the shell of a new host.'),
});
