import type { Meters } from '../platform/index.ts';
import type { BudgetLimits, BudgetName, TenantLoad } from './figures.ts';

interface Sources {
  limitsOf: (tenantId: string) => BudgetLimits;
  loads: () => readonly TenantLoad[];
  /** Samples per second of the last minute. */
  rateOf: (tenantId: string) => number;
}

/** Used and limit side by side, by tenant and budget, so that one rule warns of all. The label is `tenant_id`: `tenant` is the gateway's own. */
export function registerUsage(meters: Meters, { limitsOf, loads, rateOf }: Sources) {
  const labelNames = ['tenant_id'];
  const written = meters.counter({
    ...{ name: 'gaugeway_tenant_written_bytes_total', labelNames },
    help: 'Bytes of write requests as posted, by tenant.',
  });
  const queries = meters.counter({
    ...{ name: 'gaugeway_tenant_queries_total', labelNames },
    help: 'Questions that reached storage, by tenant.',
  });
  const read = meters.counter({
    ...{ name: 'gaugeway_tenant_read_bytes_total', labelNames },
    help: "Bytes of storage's answers, by tenant.",
  });
  const perBudget = (
    name: string,
    help: string,
    of: (load: TenantLoad) => Record<BudgetName, number>,
  ) => {
    const gauge = meters.gauge({
      ...{ name, help, labelNames: ['tenant_id', 'budget'] },
      collect: () => {
        gauge.reset();
        for (const load of loads()) {
          for (const [budget, value] of Object.entries(of(load))) {
            if (value === Number.MAX_SAFE_INTEGER) continue;
            gauge.set({ tenant_id: load.tenantId, budget }, value);
          }
        }
      },
    });
  };
  perBudget(
    'gaugeway_tenant_budget_used',
    'What a tenant uses of its budget at this gateway: samples per second of the last minute, active series, metric names.',
    ({ tenantId, activeSeries, metricNames }) => ({
      ...{ samples_per_second: rateOf(tenantId), active_series: activeSeries },
      metric_names: metricNames,
    }),
  );
  perBudget(
    'gaugeway_tenant_budget_limit',
    'The budget of a tenant at one gateway; absent where there is none.',
    ({ tenantId }) => {
      const limits = limitsOf(tenantId);
      return {
        ...{ samples_per_second: limits.samplesPerSecond, active_series: limits.maxActiveSeries },
        metric_names: limits.maxMetricNames,
      };
    },
  );
  return {
    wrote: (tenant_id: string, bytes: number) => written.inc({ tenant_id }, bytes),
    asked(tenant_id: string, bytes: number) {
      queries.inc({ tenant_id });
      read.inc({ tenant_id }, bytes);
    },
  };
}
