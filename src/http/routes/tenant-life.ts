import { z } from 'zod';
import type { Tenants } from '../../access/index.ts';
import { GaugewayError, type Clock } from '../../platform/index.ts';
import { csvText } from '../../reports/index.ts';
import type { Removal, Removals, Usage, UsageReport } from '../../tenants/index.ts';
import {
  actorOf,
  bodyOf,
  found,
  isoTime,
  isoTimeOrNull,
  paramOf,
  principalOf,
  queryOf,
} from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { tenantAnswer } from '../schemas/access.ts';
import { removalAnswer, usageAnswer } from '../schemas/tenants.ts';
import { requireInstallationAdmin, toTenantJson } from './tenants.ts';

interface Deps {
  tenants: Tenants;
  removals: Removals;
  usage: Usage;
  clock: Clock;
}

const suspension = z.strictObject({ reason: z.string().trim().min(1).max(500) });
const confirmation = z.strictObject({ confirm: z.string().max(63) });
const usageQuery = z.strictObject({
  from: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  format: z.enum(['json', 'csv']).default('json'),
});

const day = 86_400_000;
const longestMs = 400 * day;
const row = { needs: 'admin', errors: 'envelope', sees: 'all' } as const;
const path = '/api/v1/tenants/:id';
const notThere = 'tenant';

/** What becomes of a tenant, and what it uses. Administrators of `default` do this to others; who reads sees the own usage. */
export function tenantLifeRoutes(deps: Deps): Route[] {
  return [...statusRoutes(deps), ...removalRoutes(deps), ...usageRoutes(deps)];
}

function statusRoutes({ tenants }: Deps): Route[] {
  const tenantOf = (call: Call) => found(notThere, tenants.get(paramOf(call.req, 'id')));
  return [
    {
      ...{ ...row, method: 'GET', path, summary: 'One tenant' },
      spec: { tag: 'Tenants', answers: { 200: tenantAnswer } },
      async handle(call) {
        requireInstallationAdmin(call);
        call.res.json(toTenantJson(await tenantOf(call)));
      },
    },
    {
      ...{ ...row, method: 'POST', path: `${path}/suspend` },
      summary: 'Refuse a tenant everything, and keep all it has',
      spec: { tag: 'Tenants', body: suspension, answers: { 200: tenantAnswer }, refuses: [409] },
      async handle(call) {
        requireInstallationAdmin(call);
        const { reason } = bodyOf(call.req, suspension);
        const tenant = await tenants.suspend(await tenantOf(call), reason, actorOf(call));
        call.res.json(toTenantJson(tenant));
      },
    },
    {
      ...{ ...row, method: 'POST', path: `${path}/resume`, summary: 'Serve a tenant again' },
      spec: { tag: 'Tenants', answers: { 200: tenantAnswer }, refuses: [409] },
      async handle(call) {
        requireInstallationAdmin(call);
        call.res.json(toTenantJson(await tenants.resume(await tenantOf(call), actorOf(call))));
      },
    },
  ];
}

function removalRoutes({ tenants, removals }: Deps): Route[] {
  return [
    {
      ...{ ...row, method: 'DELETE', path, summary: 'Delete a tenant with all its data' },
      spec: {
        tag: 'Tenants',
        query: confirmation,
        answers: { 202: removalAnswer },
        refuses: [409],
      },
      async handle(call) {
        requireInstallationAdmin(call);
        const { confirm } = queryOf(call.req, confirmation);
        const tenant = await found(notThere, tenants.get(paramOf(call.req, 'id')));
        if (confirm !== tenant.id) {
          throw new GaugewayError('BAD_REQUEST', 'confirm is the id of the tenant, once more');
        }
        call.res.status(202).json(toRemovalJson(await removals.request(tenant, actorOf(call))));
      },
    },
    {
      ...{ ...row, method: 'GET', path: `${path}/deletion` },
      summary: "How far a tenant's deletion is, and the proof of it",
      spec: { tag: 'Tenants', answers: { 200: removalAnswer } },
      async handle(call) {
        requireInstallationAdmin(call);
        const removal = await found('deletion', removals.of(paramOf(call.req, 'id')));
        call.res.json(toRemovalJson(removal));
      },
    },
  ];
}

function usageRoutes({ tenants, usage, clock }: Deps): Route[] {
  const answer = async (call: Call, tenantId: string): Promise<void> => {
    const { format, ...bounds } = boundsOf(call, clock);
    const report = await usage.report(tenantId, bounds);
    if (format === 'json') call.res.json(toUsageJson(tenantId, bounds, report));
    else await sendCsv(call, tenantId, report);
  };
  const spec = { tag: 'Tenants', query: usageQuery, answers: { 200: usageAnswer } };
  return [
    {
      ...{ ...row, method: 'GET', path: `${path}/usage`, spec },
      summary: 'What a tenant used by the hour, beside its budgets',
      async handle(call) {
        requireInstallationAdmin(call);
        const tenant = await found(notThere, tenants.get(paramOf(call.req, 'id')));
        await answer(call, tenant.id);
      },
    },
    {
      ...{ method: 'GET', path: '/api/v1/usage', needs: 'read', errors: 'envelope', spec },
      summary: 'What the own tenant used by the hour, beside its budgets',
      handle: (call) => answer(call, principalOf(call).tenantId),
    },
  ];
}

/** The last day where nothing is said. */
function boundsOf({ req }: Call, clock: Clock) {
  const { from, until, format } = queryOf(req, usageQuery);
  const untilMs = until === undefined ? clock.nowMs() : Date.parse(until);
  const fromMs = from === undefined ? untilMs - day : Date.parse(from);
  if (fromMs >= untilMs || untilMs - fromMs > longestMs) {
    throw new GaugewayError('BAD_REQUEST', '`from` is before `until`, by at most 400 days');
  }
  return { fromMs, untilMs, format };
}

const columns = [
  ...['tenant', 'hour', 'samples', 'refused_samples', 'bytes_written', 'queries', 'bytes_read'],
  ...['active_series', 'metric_names'],
];

async function sendCsv({ res }: Call, tenantId: string, { hours }: UsageReport): Promise<void> {
  res.setHeader('Content-Type', 'text/csv; charset=utf-8');
  const rows = hours.map((one) => [tenantId, ...Object.values(hourJson(one))]);
  for await (const text of csvText(columns, rows)) res.write(text);
  res.end();
}

type Counts = UsageReport['total'];

const countsJson = (counts: Counts) => ({
  samples: counts.samples,
  refused_samples: counts.refusedSamples,
  bytes_written: counts.bytesWritten,
  queries: counts.queries,
  bytes_read: counts.bytesRead,
  active_series: counts.activeSeries,
  metric_names: counts.metricNames,
});

const hourJson = ({ hourMs, ...counts }: UsageReport['hours'][number]) => ({
  ...{ hour: isoTime(hourMs), ...countsJson(counts) },
});

function toUsageJson(
  tenant: string,
  { fromMs, untilMs }: { fromMs: number; untilMs: number },
  { hours, total, budgets }: UsageReport,
) {
  const judged = Object.entries(budgets).map(([name, { limit, used }]) => [
    name,
    { limit, used, share: limit === null || limit === 0 ? null : used / limit },
  ]);
  return {
    ...{ tenant, from: isoTime(fromMs), until: isoTime(untilMs), total: countsJson(total) },
    budgets: Object.fromEntries(judged) as Record<string, unknown>,
    hours: hours.map(hourJson),
  };
}

function toRemovalJson(removal: Removal) {
  const { id, tenantId: tenant, status, step, files, rows, error } = removal;
  return {
    ...{ id, tenant, status, step, requested_by: removal.requestedBy },
    requested_at: isoTime(removal.requestedAtMs),
    ...{ series: removal.series, series_left: removal.seriesLeft, files, rows, error },
    finished_at: isoTimeOrNull(removal.finishedAtMs),
    verified_at: isoTimeOrNull(removal.verifiedAtMs),
  };
}
