import type { Meters } from '../platform/index.ts';
import type { Reason, RefusedCounts } from './judge/reason.ts';
import type { IngestOutcome } from './outcome.ts';

interface TenantTally {
  received: number;
  accepted: number;
  repeated: number;
  haLeft: number;
  observed: number;
  nan: number;
  refused: RefusedCounts;
}

/**
 * The room's counters. The write path adds plain numbers; they become metrics when somebody scrapes.
 * For each tenant: received = accepted + refused + repeated + left to the other HA replica. Their label is `tenant_id`:
 * `tenant` is the gateway's own on everything stored, so that what is told of two tenants would become one series.
 */
export interface IngestMeters {
  tenant(tenantId: string): TenantTally;
  request(outcome: IngestOutcome['kind']): void;
  fault(reason: Reason): void;
}

/** Counted from the start, so that a first one is an increase. */
const outcomes: readonly IngestOutcome['kind'][] = [
  ...(['accepted', 'partial', 'invalid', 'unsupported', 'over_budget', 'overloaded'] as const),
];
const wholeRequest: readonly Reason[] = [
  ...(['undecodable', 'too_large', 'too_many_series', 'unsupported_media'] as const),
  ...(['rate_budget', 'series_budget', 'overloaded', 'storage_refused'] as const),
];

interface Gauges {
  knownSeries: () => number;
  activeSeries: () => Iterable<readonly [tenantId: string, series: number]>;
  metricNames: () => Iterable<readonly [tenantId: string, names: number]>;
  inflightBytes: () => number;
  inflightRequests: () => number;
}

export function createIngestMeters(meters: Meters, gauges: Gauges): IngestMeters {
  const tenants = new Map<string, TenantTally>();
  const requests = new Map<string, number>(outcomes.map((outcome) => [outcome, 0]));
  const faults = new Map<string, number>(wholeRequest.map((reason) => [reason, 0]));
  registerRequests(meters, requests, faults);
  registerSamples(meters, tenants);
  registerGauges(meters, gauges);
  return {
    tenant(tenantId) {
      let tally = tenants.get(tenantId);
      if (!tally) {
        const zero = { received: 0, accepted: 0, repeated: 0, haLeft: 0, observed: 0, nan: 0 };
        tally = { ...zero, refused: new Map() };
        tenants.set(tenantId, tally);
      }
      return tally;
    },
    request: (outcome) => void requests.set(outcome, (requests.get(outcome) ?? 0) + 1),
    fault: (reason) => void faults.set(reason, (faults.get(reason) ?? 0) + 1),
  };
}

function registerRequests(
  meters: Meters,
  requests: Map<string, number>,
  faults: Map<string, number>,
): void {
  const requestsTotal = meters.counter({
    name: 'ingest_requests_total',
    help: 'Write requests by outcome.',
    labelNames: ['outcome'],
    collect: () => {
      requestsTotal.reset();
      for (const [outcome, count] of requests) requestsTotal.inc({ outcome }, count);
    },
  });
  const errorsTotal = meters.counter({
    name: 'ingest_errors_total',
    help: 'Write requests refused as a whole, by reason.',
    labelNames: ['reason'],
    collect: () => {
      errorsTotal.reset();
      for (const [reason, count] of faults) errorsTotal.inc({ reason }, count);
    },
  });
}

function registerSamples(meters: Meters, tenants: Map<string, TenantTally>): void {
  const perTenant = (name: string, help: string, read: (tally: TenantTally) => number) => {
    const counter = meters.counter({
      name,
      help,
      labelNames: ['tenant_id'],
      collect: () => {
        counter.reset();
        for (const [tenant_id, tally] of tenants) counter.inc({ tenant_id }, read(tally));
      },
    });
  };
  perTenant('ingest_datapoints_total', 'Samples accepted.', (tally) => tally.accepted);
  perTenant(
    'gaugeway_ingest_received_samples_total',
    'Samples, histograms and exemplars of readable requests.',
    (tally) => tally.received,
  );
  perTenant(
    'gaugeway_ingest_repeated_samples_total',
    'Samples of exact repeats of an accepted request, not stored again.',
    (tally) => tally.repeated,
  );
  perTenant(
    'gaugeway_ingest_ha_left_samples_total',
    'Samples of the HA replica that is not the leader, not stored.',
    (tally) => tally.haLeft,
  );
  perTenant(
    'gaugeway_ingest_observed_samples_total',
    'Samples stored in observe mode that the whitelist would refuse.',
    (tally) => tally.observed,
  );
  perTenant(
    'gaugeway_ingest_nan_samples_total',
    'Accepted samples whose value is NaN and no stale marker: VictoriaMetrics keeps none of these.',
    (tally) => tally.nan,
  );
  const refused = meters.counter({
    name: 'gaugeway_ingest_refused_samples_total',
    help: 'Samples, histograms and exemplars not stored, by reason.',
    labelNames: ['tenant_id', 'reason'],
    collect: () => {
      refused.reset();
      for (const [tenant_id, tally] of tenants) {
        for (const [reason, count] of tally.refused) refused.inc({ tenant_id, reason }, count);
      }
    },
  });
}

function registerGauges(meters: Meters, gauges: Gauges): void {
  const simple = (name: string, help: string, read: () => number) => {
    const gauge = meters.gauge({ name, help, collect: () => gauge.set(read()) });
  };
  simple(
    'gaugeway_ingest_known_series',
    'Series in the table of known series.',
    gauges.knownSeries,
  );
  simple('gaugeway_ingest_inflight_bytes', 'Request bytes being handled.', gauges.inflightBytes);
  simple('gaugeway_ingest_inflight_requests', 'Requests being handled.', gauges.inflightRequests);
  const perTenant = (name: string, help: string, read: Gauges['activeSeries']) => {
    const gauge = meters.gauge({
      ...{ name, help, labelNames: ['tenant_id'] },
      collect: () => {
        gauge.reset();
        for (const [tenant_id, count] of read()) gauge.set({ tenant_id }, count);
      },
    });
  };
  perTenant(
    'gaugeway_ingest_active_series',
    'Accepted series seen within the last hour, by tenant.',
    gauges.activeSeries,
  );
  perTenant(
    'gaugeway_ingest_metric_names',
    'Different metric names accepted within the last day, by tenant.',
    gauges.metricNames,
  );
}
