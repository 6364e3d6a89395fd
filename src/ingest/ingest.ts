import type { Accept } from '../forward/index.ts';
import { messageOf, type Clock, type Logger, type Meters } from '../platform/index.ts';
import { createDecodeKernel, maxCompressedBytes } from '../wire/index.ts';
import {
  toWriteRequest,
  type JsonBatch,
  type JsonBatchAnswer,
  type ResolveMetric,
} from './decode/json-batch.ts';
import { createActiveSeries } from './judge/active-series.ts';
import { createMetricNames, type MetricNames } from './judge/metric-names.ts';
import { createScopes, type Scopes } from './judge/scopes.ts';
import { addRefused } from './judge/reason.ts';
import type { Whitelist } from './judge/whitelist.ts';
import { createExemplarQueue, type ExemplarStore } from './keep/exemplars.ts';
import { createLedger, type LedgerStore } from './keep/ledger.ts';
import { createMetadataKeeper, type MetadataStore } from './keep/metadata.ts';
import { createAdmission, type Admission, type AdmissionLimits } from './limits/admit.ts';
import { createRateBudget } from './limits/budget.ts';
import { createHaElection, type HaLeader, type HaStore } from './limits/ha.ts';
import { createRepeats } from './limits/repeats.ts';
import { createIngestMeters } from './meters.ts';
import type { IngestOutcome } from './outcome.ts';
import { countOutcome, take } from './pipeline.ts';
import type { PolicyOf, Sender, TagsOf } from './sender.ts';
import type { Tools } from './work.ts';

export interface IngestConfig extends AdmissionLimits {
  maxDecodedBytes: number;
  maxSeriesPerRequest: number;
  /** Labels a series may have in storage, the forced ones included. */
  maxLabels: number;
  maxLabelNameBytes: number;
  maxLabelValueBytes: number;
  haClusterLabel: string;
  haReplicaLabel: string;
  haFailoverMs: number;
  /** The host tag that chooses the shard. */
  shardTag: string;
  /** Bodies remembered for recognising repeats, twice over. */
  repeatMemory: number;
}

/** Where what is not a sample goes; none of it is waited for by a request. */
export interface IngestStores {
  ha: HaStore;
  ledger: LedgerStore;
  exemplars: ExemplarStore;
  metadata: MetadataStore;
}

interface IngestDeps {
  config: IngestConfig;
  accept: Accept;
  whitelistOf: (tenantId: string) => Whitelist;
  policyOf: PolicyOf;
  tagsOf: TagsOf;
  resolveMetric: ResolveMetric;
  stores: IngestStores;
  clock: Clock;
  log: Logger;
  meters: Meters;
}

export interface Ingest {
  readonly admission: Admission;
  /** Largest body that can decode to an allowed size; anything longer is refused unread. */
  readonly maxBodyBytes: number;
  /** A posted remote-write body, in the pieces it came in. */
  write(sender: Sender, version: 1 | 2, chunks: readonly Uint8Array[]): Promise<IngestOutcome>;
  json(
    sender: Sender,
    batch: JsonBatch,
  ): Promise<{ outcome: IngestOutcome; answer: JsonBatchAnswer }>;
  /** Counts a request that was turned away before its body was read. */
  refusedUnread(outcome: IngestOutcome): void;
  haLeaders(tenantId: string): HaLeader[];
  /** The whitelist or a policy changed: verdicts are made anew. */
  rulesChanged(): void;
  /** The tenant's limits changed: verdicts are made anew where its label limits are others now. */
  policyChanged(tenantId: string): void;
  /** The tenant is gone: one of its name begins with full budgets. */
  forget(tenantId: string): void;
  /** What each tenant holds at this gateway: series of the last hour, metric names of the last day. */
  loads(): TenantLoad[];
  /** Writes what is pending to Postgres: ledger, metadata, exemplars, HA state. */
  flush(): Promise<void>;
  /** Forgets idle series; to be called every few minutes. */
  expire(): void;
}

export interface TenantLoad {
  tenantId: string;
  activeSeries: number;
  metricNames: number;
}

/** Names of series that have ended are given back so often. */
const namesLifeMs = 86_400_000;

/** Labels that decide whose data it is: VictoriaMetrics cluster reads the last two as the tenant. */
const reservedLabels = ['tenant', 'vm_account_id', 'vm_project_id'];
/** Room for the tenant and the tags of a host, which are forced on what its key posts. */
const forcedLabelRoom = 8;
const maxClustersPerTenant = 100;

export function createIngest(deps: IngestDeps): Ingest {
  const tools = createTools(deps);
  const { log, config, clock } = deps;
  let namesSinceMs = clock.monotonicMs();
  const rulesChanged = (): void => {
    tools.scopes.renew();
    // The same series come again under new scopes: counted with the old ones they would fill the budget twice.
    tools.active.expire(clock.nowMs());
  };
  const quietly = async (what: string, work: Promise<void>): Promise<void> => {
    await work.catch((error: unknown) => {
      log.warn('ingest state not saved, will be tried again', { what, error: messageOf(error) });
    });
  };
  return {
    admission: tools.admission,
    maxBodyBytes: maxCompressedBytes(config.maxDecodedBytes),
    write: (sender, version, chunks) =>
      take(sender, { kind: 'posted', version, chunks }, tools, deps.accept),
    async json(sender, batch) {
      const { bytes, indexOf, errors } = toWriteRequest(batch, deps.resolveMetric);
      countUnreadable(errors, sender, tools);
      const outcome = await take(sender, { kind: 'decoded', bytes }, tools, deps.accept);
      return { outcome, answer: toAnswer(outcome, indexOf, errors) };
    },
    refusedUnread: (outcome) => countOutcome(outcome, tools.meters),
    haLeaders: (tenantId) => tools.ha.list(tenantId),
    rulesChanged,
    policyChanged(tenantId) {
      if (haveLabelLimitsChanged(deps, tools, tenantId)) rulesChanged();
    },
    forget(tenantId) {
      tools.names.forgetTenant(tenantId);
      rulesChanged();
    },
    loads: () => loadsOf(tools),
    expire() {
      if (clock.monotonicMs() - namesSinceMs > namesLifeMs) {
        namesSinceMs = clock.monotonicMs();
        tools.names.forget();
        rulesChanged();
      } else {
        tools.active.expire(clock.nowMs());
      }
    },
    async flush() {
      await quietly('ledger', tools.ledger.flush());
      await quietly('metadata', tools.metadata.flush());
      await quietly('exemplars', tools.exemplars.flush());
      await quietly('ha', tools.ha.flush());
    },
  };
}

function createTools(deps: IngestDeps): Tools {
  const { config, clock, stores, log, policyOf } = deps;
  const kernel = createDecodeKernel({
    maxDecodedBytes: config.maxDecodedBytes,
    maxSeries: config.maxSeriesPerRequest,
  });
  const haOptions = {
    clusterLabel: config.haClusterLabel,
    replicaLabel: config.haReplicaLabel,
    failoverMs: config.haFailoverMs,
    maxClustersPerTenant,
  };
  const reserved = [...reservedLabels, config.haReplicaLabel];
  const names = createMetricNames();
  const scopes: Scopes = createScopes((sender) => {
    const { tenantId, hostId } = sender;
    const whitelist = deps.whitelistOf(tenantId);
    const limits = labelLimits(deps, tenantId);
    return {
      ...limits,
      maxLabels: limits.maxLabels - (hostId === undefined ? 1 : forcedLabelRoom),
      reserved: new Set(reserved),
      allows: (metric) => whitelist.allows(metric),
      admitsName: (metric) => admitsName(tenantId, metric, { active, names, policyOf }),
      observe: sender.whitelistMode === 'observe',
      ...(hostId === undefined ? {} : { hostId }),
    };
  });
  const active = createActiveSeries(kernel, scopes);
  const admission = createAdmission(config);
  return {
    ...{ kernel, scopes, active, names, admission, haOptions, reserved, policyOf },
    repeats: createRepeats(config.repeatMemory),
    rate: createRateBudget(policyOf, clock),
    ha: createHaElection({ store: stores.ha, clock, log, options: haOptions }),
    ledger: createLedger(stores.ledger, clock),
    exemplars: createExemplarQueue(stores.exemplars),
    metadata: createMetadataKeeper(stores.metadata),
    meters: createIngestMeters(deps.meters, {
      knownSeries: () => kernel.table.size,
      activeSeries: () => active.entries(),
      metricNames: () => names.entries(),
      inflightBytes: () => admission.inflightBytes,
      inflightRequests: () => admission.inflightRequests,
    }),
    tagsOf: deps.tagsOf,
    nowMs: () => clock.nowMs(),
    maxLabels: config.maxLabels,
    maxSeries: config.maxSeriesPerRequest,
    shardTag: config.shardTag,
    maxDecodedBytes: config.maxDecodedBytes,
  };
}

/** The tenant's own limits within the installation's: beyond those VictoriaMetrics drops labels. */
function labelLimits({ config, policyOf }: IngestDeps, tenantId: string) {
  const policy = policyOf(tenantId);
  return {
    maxLabels: Math.min(config.maxLabels, policy.maxLabels),
    maxNameBytes: Math.min(config.maxLabelNameBytes, policy.maxLabelNameBytes),
    maxValueBytes: Math.min(config.maxLabelValueBytes, policy.maxLabelValueBytes),
  };
}

function haveLabelLimitsChanged(deps: IngestDeps, { scopes }: Tools, tenantId: string): boolean {
  const now = labelLimits(deps, tenantId);
  return [...scopes.ofTenant(tenantId)].some(({ rules }) => {
    const room = rules.hostId === undefined ? 1 : forcedLabelRoom;
    return (
      rules.maxLabels + room !== now.maxLabels ||
      rules.maxNameBytes !== now.maxNameBytes ||
      rules.maxValueBytes !== now.maxValueBytes
    );
  });
}

/** Where no series more is taken, names are not counted: they would fill the budget with what is refused. */
function admitsName(
  tenantId: string,
  metric: string,
  { active, names, policyOf }: Pick<Tools, 'active' | 'policyOf'> & { names: MetricNames },
): boolean {
  const { maxActiveSeries, maxMetricNames } = policyOf(tenantId);
  if (active.countOf(tenantId) >= maxActiveSeries) return true;
  return names.admit(tenantId, metric, maxMetricNames);
}

function loadsOf({ active, names }: Tools): TenantLoad[] {
  const ids = new Set([...active.entries(), ...names.entries()].map(([tenantId]) => tenantId));
  return [...ids].map((tenantId) => ({
    ...{ tenantId, activeSeries: active.countOf(tenantId) },
    metricNames: names.countOf(tenantId),
  }));
}

/** Metrics that never became series are refused samples like any other. */
function countUnreadable(errors: JsonBatchAnswer['errors'], sender: Sender, tools: Tools): void {
  const { tenantId, keyName } = sender;
  const tally = tools.meters.tenant(tenantId);
  for (const { reason, message } of errors) {
    tally.received += 1;
    addRefused(tally.refused, reason, 1);
    for (const series of [message, '']) {
      tools.ledger.note({ tenantId, reason, series, sender: keyName, samples: 1 });
    }
  }
}

function toAnswer(
  outcome: IngestOutcome,
  indexOf: readonly number[],
  errors: JsonBatchAnswer['errors'],
): JsonBatchAnswer {
  if (outcome.kind === 'accepted') {
    return { accepted: outcome.written.samples, rejected: errors.length, errors };
  }
  if (outcome.kind !== 'partial')
    return { accepted: 0, rejected: indexOf.length + errors.length, errors };
  const refused = outcome.examples.map(({ reason, series, index }) => ({
    index: indexOf[index ?? -1] ?? -1,
    reason,
    message: series,
  }));
  const refusedCount = indexOf.length - outcome.written.samples;
  const all = [...errors, ...refused].sort((a, b) => a.index - b.index);
  return { accepted: outcome.written.samples, rejected: errors.length + refusedCount, errors: all };
}
