import { defaultTenantId, systemActor } from '../access/index.ts';
import {
  GaugewayError,
  messageOf,
  type Clock,
  type Logger,
  type Meters,
} from '../platform/index.ts';
import type { Removal, RemovalNote, RemovalStore, TenantFiles, TenantSeries } from './removal.ts';

interface Deps {
  store: RemovalStore;
  series: TenantSeries;
  files: TenantFiles;
  /** Unique for each start of a process. */
  holder: string;
  /** How long after the order nothing of the tenant is on its way any more, milliseconds. */
  settleMs: number;
  lookMs: number;
  clock: Clock;
  log: Logger;
  meters: Meters;
}

export interface RemovalWorker {
  start(): void;
  stop(): Promise<void>;
  /** One look: true where there was something to do. */
  look(): Promise<boolean>;
}

const leaseMs = 60_000;
/** Rows of one transaction: writers of other tenants wait for none of them for long. */
const batch = 2_000;
/** A gateway that was cut off may still hold batches in its journal, which it sends when it is back. */
const watchMs = 7 * 86_400_000;
const checkEveryMs = 3_600_000;

/**
 * Carries deletions out: series, files, rows, and the proof. Every step can be done again, so that a worker that ends
 * at any point is followed by another one.
 */
export function createRemovalWorker(deps: Deps): RemovalWorker {
  const { store, clock } = deps;
  const log = deps.log.child('tenants');
  const done = deps.meters.counter({
    name: 'gaugeway_tenant_removals_total',
    help: 'Tenants deleted with all their data.',
  });
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;
  let working: Promise<unknown> = Promise.resolve();

  async function look(): Promise<boolean> {
    const requestedBeforeMs = clock.nowMs() - deps.settleMs;
    const removal = await store.claim(deps.holder, { requestedBeforeMs, leaseMs });
    if (!removal) return recheck(deps);
    try {
      const isDone = await carryOut(removal, deps, () => isStopping);
      if (isDone) done.inc();
      if (isDone) log.info('tenant deleted', { tenant: removal.tenantId, removal: removal.id });
    } catch (error) {
      log.warn('deletion of a tenant goes on later', {
        ...{ tenant: removal.tenantId, error: messageOf(error) },
      });
      await store.fail({ id: removal.id, holder: deps.holder }, messageOf(error));
    }
    return true;
  }

  function next(): void {
    if (isStopping) return;
    timer = setTimeout(() => {
      working = look()
        .catch((error: unknown) => log.warn('deletions not looked at', { error: messageOf(error) }))
        .finally(next);
    }, deps.lookMs).unref();
  }

  return {
    look,
    start: next,
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      await working;
    },
  };
}

/** False where it stopped on the way, or another worker has it. */
async function carryOut(removal: Removal, deps: Deps, isStopping: () => boolean): Promise<boolean> {
  const { store, series, files, holder, clock } = deps;
  const { id, tenantId } = removal;
  const held = { id, holder, tenantId };
  const note = (change: RemovalNote) => store.note(held, change, leaseMs);
  const found = Math.max(removal.series, await series.count(tenantId));
  if (!(await note({ step: 'series', series: found }))) return false;
  await series.remove(tenantId);
  const removed = await files.removeOf(tenantId);
  if (!(await note({ step: 'files', files: removal.files + removed }))) return false;
  if (!(await note({ step: 'rows' }))) return false;
  for (const table of await store.tables()) {
    let rows: number | undefined;
    do {
      rows = await store.removeRows(held, table, { limit: batch, leaseMs });
      if (rows === undefined || isStopping()) return false;
    } while (rows === batch);
  }
  const left = await countLeft(tenantId, series);
  if (!(await note({ step: 'proof', seriesLeft: left }))) return false;
  if (left > 0) throw new GaugewayError('UNAVAILABLE', `storage still has ${left} series`);
  return store.finish(held, clock.nowMs(), {
    ...{ actor: systemActor(defaultTenantId), tenantId: defaultTenantId, action: 'tenant_deleted' },
    ...{ target: `tenant:${tenantId}`, atMs: clock.nowMs(), details: { removal: id } },
  });
}

/** An old series that is known to storage counts as one. */
async function countLeft(tenantId: string, series: TenantSeries): Promise<number> {
  const current = await series.count(tenantId);
  return current > 0 ? current : Number(await series.isThere(tenantId));
}

/** What came after the end, of a gateway that had been cut off, goes too. */
async function recheck({ store, series, clock }: Deps): Promise<boolean> {
  const nowMs = clock.nowMs();
  const bounds = { finishedAfterMs: nowMs - watchMs, verifiedBeforeMs: nowMs - checkEveryMs };
  const removal = await store.claimCheck({ ...bounds, nowMs });
  if (!removal) return false;
  const { id, tenantId } = removal;
  const late = await countLeft(tenantId, series);
  if (late === 0) return true;
  await series.remove(tenantId);
  const seriesLeft = await countLeft(tenantId, series);
  await store.noteCheck(id, { seriesLeft, series: removal.series + late });
  return true;
}
