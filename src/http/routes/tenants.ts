import { z } from 'zod';
import {
  defaultTenantId,
  generatePassword,
  type Tenant,
  type Tenants,
  type Users,
} from '../../access/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import {
  actorOf,
  bodyOf,
  found,
  isoTime,
  pageOf,
  paramOf,
  principalOf,
  pageSchema,
} from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { newTenantAnswer, tenantAnswer, tenantsAnswer } from '../schemas/access.ts';

const count = z.int().min(0);
const policy = z.strictObject({
  samples_per_second: count.optional(),
  burst_samples: count.optional(),
  max_active_series: count.optional(),
  max_metric_names: count.optional(),
  max_labels: z.int().min(10).max(30).optional(),
  max_label_name_bytes: z.int().min(16).max(256).optional(),
  max_label_value_bytes: z.int().min(64).max(1_024).optional(),
  max_hosts: count.optional(),
  timestamp_past_seconds: z
    .int()
    .min(0)
    .max(14 * 86_400)
    .optional(),
  timestamp_future_seconds: z.int().min(0).max(86_400).optional(),
  whitelist_mode: z.enum(['reject', 'drop', 'observe']).optional(),
});
const name = z.string().min(1).max(200);
const newTenant = z.strictObject({
  id: z.string().min(1).max(63),
  name,
  policy: policy.default({}),
  admin_email: z.email().max(320),
  admin_password: z.string().min(1).max(1_024).optional(),
});
const change = z.strictObject({ name: name.optional(), policy: policy.optional() });

const row = { needs: 'admin', errors: 'envelope', sees: 'all' } as const;

/** Tenants are made and limited by the administrators of the tenant `default`, who see nothing inside them. */
export function tenantRoutes({ tenants, users }: { tenants: Tenants; users: Users }): Route[] {
  return [
    {
      ...{ ...row, method: 'GET', path: '/api/v1/tenants', summary: 'All tenants' },
      spec: { tag: 'Tenants', query: pageSchema, answers: { 200: tenantsAnswer } },
      async handle(call) {
        requireInstallationAdmin(call);
        const page = pageOf(call.req);
        const { items, total } = await tenants.list(page);
        call.res.json({ tenants: items.map(toTenantJson), total, ...page });
      },
    },
    {
      ...{ ...row, method: 'POST', path: '/api/v1/tenants' },
      summary: 'Make a tenant and its first administrator',
      spec: { tag: 'Tenants', body: newTenant, answers: { 201: newTenantAnswer } },
      async handle(call) {
        requireInstallationAdmin(call);
        const body = bodyOf(call.req, newTenant);
        const by = actorOf(call);
        const password = body.admin_password ?? generatePassword();
        const { id, name: label } = body;
        const wanted = { email: body.admin_email, password, role: 'Admin' as const };
        const admin = await users.prepare(id, wanted, by);
        const policyOfIt = toPolicy(body.policy);
        const tenant = await tenants.create({ id, name: label, policy: policyOfIt }, by, admin);
        call.res
          .status(201)
          .set('Cache-Control', 'no-store')
          .json({
            ...toTenantJson(tenant),
            admin: {
              ...{ id: admin.record.id, email: admin.record.email },
              ...(body.admin_password === undefined ? { password } : {}),
            },
          });
      },
    },
    {
      ...{ ...row, method: 'PATCH', path: '/api/v1/tenants/:id', summary: 'Change name or limits' },
      spec: { tag: 'Tenants', body: change, answers: { 200: tenantAnswer } },
      async handle(call) {
        requireInstallationAdmin(call);
        const body = bodyOf(call.req, change);
        const tenant = await found('tenant', tenants.get(paramOf(call.req, 'id')));
        const wanted = {
          ...(body.name === undefined ? {} : { name: body.name }),
          ...(body.policy === undefined
            ? {}
            : { policy: { ...tenant.policy, ...toPolicy(body.policy) } }),
        };
        if (Object.keys(wanted).length > 0) await tenants.update(tenant, wanted, actorOf(call));
        call.res.json(toTenantJson({ ...tenant, ...wanted }));
      },
    },
  ];
}

export function requireInstallationAdmin(call: Call): void {
  if (principalOf(call).tenantId !== defaultTenantId) {
    throw new GaugewayError('FORBIDDEN', `Only the tenant ${defaultTenantId} manages tenants`);
  }
}

function toPolicy(body: z.output<typeof policy>): Tenant['policy'] {
  const { timestamp_past_seconds: past, timestamp_future_seconds: future } = body;
  return defined({
    samplesPerSecond: body.samples_per_second,
    burstSamples: body.burst_samples,
    maxActiveSeries: body.max_active_series,
    maxMetricNames: body.max_metric_names,
    maxLabels: body.max_labels,
    maxLabelNameBytes: body.max_label_name_bytes,
    maxLabelValueBytes: body.max_label_value_bytes,
    maxHosts: body.max_hosts,
    timestampPastMs: past === undefined ? undefined : past * 1_000,
    timestampFutureMs: future === undefined ? undefined : future * 1_000,
    whitelistMode: body.whitelist_mode,
  });
}

export function toTenantJson(tenant: Tenant) {
  const { id, name: label, status, statusReason, policy: own, createdAtMs } = tenant;
  const { timestampPastMs: past, timestampFutureMs: future } = own;
  return {
    ...{ id, name: label, status, status_reason: statusReason, created_at: isoTime(createdAtMs) },
    policy: defined({
      samples_per_second: own.samplesPerSecond,
      burst_samples: own.burstSamples,
      max_active_series: own.maxActiveSeries,
      max_metric_names: own.maxMetricNames,
      max_labels: own.maxLabels,
      max_label_name_bytes: own.maxLabelNameBytes,
      max_label_value_bytes: own.maxLabelValueBytes,
      max_hosts: own.maxHosts,
      timestamp_past_seconds: past === undefined ? undefined : past / 1_000,
      timestamp_future_seconds: future === undefined ? undefined : future / 1_000,
      whitelist_mode: own.whitelistMode,
    }),
  };
}

/** Without what is undefined: an absent limit is the installation's. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
