import type { Knex } from 'knex';
import { GaugewayError } from '../../platform/index.ts';
import type { Claim, DoneSlice, Mark, SliceKey, SliceStore } from '../../retention/index.ts';
import type { Lease, Leases } from './lease.ts';
import { toDate, toDateOrNull, toMs, toMsOrNull } from './rows.ts';
import { withUnavailable } from './unavailable.ts';

const leaseName = 'downsample';

export interface SliceStoreOptions {
  leases: Leases;
  leaseMs: number;
  maxVersion: number;
  sliceMs: number;
}

interface SliceRow {
  tenant_id: string;
  tier: SliceKey['tier'];
  start_at: Date;
  samples: string | null;
}

const keyOf = ({ tenantId, tier, startMs }: SliceKey) => ({
  ...{ tenant_id: tenantId, tier, start_at: toDate(startMs) },
});
const markKeyOf = ({ tenantId, tier }: Pick<Mark, 'tenantId' | 'tier'>) => ({
  ...{ tenant_id: tenantId, tier },
});
const toKey = ({ tenant_id: tenantId, tier, start_at: startAt }: SliceRow): SliceKey => ({
  ...{ tenantId, tier, startMs: toMs(startAt) },
});

/** Rows of all tenants: a worker's job, which names the tenant of each in every change. */
export function createSliceStore(knex: Knex, options: SliceStoreOptions): SliceStore {
  const { leases, leaseMs, maxVersion, sliceMs } = options;
  let lease: Lease | undefined;

  async function held<T>(work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
    // Wrapped, because undefined means that the lease is another's.
    const result =
      lease && (await leases.fenced(lease, async (trx) => ({ value: await work(trx) })));
    if (result) return result.value;
    lease = undefined;
    throw new GaugewayError('CONFLICT', 'another worker downsamples now');
  }

  const store: SliceStore = {
    async hold() {
      lease = await leases.acquire(leaseName, leaseMs);
      return lease !== undefined;
    },
    async release() {
      if (lease) await leases.release(lease);
      lease = undefined;
    },
    marks: () => marksOf(knex),
    begin: (mark) =>
      held(async (trx) => {
        await trx('downsample_marks')
          .insert({ ...markKeyOf(mark), done_until: toDate(mark.doneUntilMs) })
          .onConflict(['tenant_id', 'tier'])
          .ignore();
      }),
    asked: (limit) => askedOf(knex, limit),
    claim: (slice) => held((trx) => claim(trx, slice, maxVersion)),
    done: (slice) => held((trx) => finish(trx, slice, slice.startMs + sliceMs)),
    async toCheck(nowMs, limit) {
      const rows = await knex('downsample_slices')
        .where('check_at', '<=', toDate(nowMs))
        .whereNull('asked_at')
        .orderBy(['start_at', 'tenant_id'])
        .limit(limit)
        .select<SliceRow[]>();
      return rows.map((row) => ({ ...toKey(row), samples: Number(row.samples) }));
    },
    checked: (slice, { checkMs, askedMs }) =>
      held(async (trx) => {
        await trx('downsample_slices')
          .where(keyOf(slice))
          .update({
            check_at: toDateOrNull(checkMs),
            ...(askedMs === null ? {} : { asked_at: toDate(askedMs) }),
          });
      }),
    forget: (beforeMs) =>
      held((trx) => trx('downsample_slices').where('start_at', '<', toDate(beforeMs)).delete()),
  };
  return withUnavailable(store);
}

async function marksOf(knex: Knex): Promise<Mark[]> {
  const rows = await knex('downsample_marks')
    .orderBy(['tenant_id', 'tier'])
    .select<{ tenant_id: string; tier: Mark['tier']; done_until: Date }[]>();
  return rows.map(({ tenant_id: tenantId, tier, done_until: doneUntil }) => ({
    ...{ tenantId, tier, doneUntilMs: toMs(doneUntil) },
  }));
}

async function askedOf(knex: Knex, limit: number): Promise<SliceKey[]> {
  const rows = await knex({ slice: 'downsample_slices' })
    .join({ mark: 'downsample_marks' }, (on) => {
      on.on('mark.tenant_id', 'slice.tenant_id')
        .andOn('mark.tier', 'slice.tier')
        .andOn('slice.start_at', '<', 'mark.done_until');
    })
    .whereNotNull('slice.asked_at')
    .orderBy('slice.start_at')
    .limit(limit)
    .select<SliceRow[]>('slice.*');
  return rows.map(toKey);
}

async function claim(trx: Knex.Transaction, slice: SliceKey, maxVersion: number): Promise<Claim> {
  const rows: { version: number; asked_at: Date | null }[] = await trx('downsample_slices')
    .insert({ ...keyOf(slice), version: 0 })
    .onConflict(['tenant_id', 'tier', 'start_at'])
    .merge({ version: trx.raw('least(downsample_slices.version + 1, ?)', [maxVersion]) })
    .returning(['version', 'asked_at']);
  const { version, asked_at: askedAt } = rows[0]!;
  return { version, askedMs: toMsOrNull(askedAt) };
}

async function finish(trx: Knex.Transaction, slice: DoneSlice, endMs: number): Promise<void> {
  await trx('downsample_slices')
    .where(keyOf(slice))
    .update({ samples: slice.samples, check_at: toDateOrNull(slice.checkMs) });
  if (slice.askedMs !== null) {
    // Asked for once more since: then it stays so.
    await trx('downsample_slices')
      .where({ ...keyOf(slice), asked_at: toDate(slice.askedMs) })
      .update({ asked_at: null });
  }
  await trx('downsample_marks')
    .where({ ...markKeyOf(slice), done_until: toDate(slice.startMs) })
    .update({ done_until: toDate(endMs) });
}

/** Hours to be aggregated again, of one tenant or of all. */
interface HoursAgain {
  /** Beginnings of the first and of the last hour, milliseconds. */
  firstMs: number;
  lastMs: number;
  tenantId?: string | undefined;
}

/** What an operator asks of the workers. */
interface SliceRequests {
  /** Asks, in each tier that a worker has begun; how many hours of tiers of tenants. */
  ask(hours: HoursAgain, nowMs: number): Promise<number>;
  /** How many of them are not done yet. */
  left(hours: HoursAgain): Promise<number>;
}

export function createSliceRequests(knex: Knex): SliceRequests {
  const ofTenant = (tenantId: string | undefined) =>
    tenantId === undefined ? {} : { tenant_id: tenantId };
  const requests: SliceRequests = {
    async ask({ firstMs, lastMs, tenantId }, nowMs) {
      const marks = knex('downsample_marks')
        .where(ofTenant(tenantId))
        .joinRaw("cross join generate_series(?::timestamptz, ?::timestamptz, '1 hour') as hour", [
          toDate(firstMs),
          toDate(lastMs),
        ])
        // Below any version that there is.
        .select(
          'tenant_id',
          'tier',
          'hour',
          knex.raw('-1'),
          knex.raw('?::timestamptz', [toDate(nowMs)]),
        );
      const asked = (await knex(
        knex.raw('?? (??, ??, ??, ??, ??)', [
          ...['downsample_slices', 'tenant_id', 'tier', 'start_at', 'version', 'asked_at'],
        ]),
      )
        .insert(marks)
        .onConflict(['tenant_id', 'tier', 'start_at'])
        .merge(['asked_at'])
        .returning('tier')) as unknown[];
      return asked.length;
    },
    async left({ firstMs, lastMs, tenantId }) {
      const row = await knex('downsample_slices')
        .where(ofTenant(tenantId))
        .whereBetween('start_at', [toDate(firstMs), toDate(lastMs)])
        .whereNotNull('asked_at')
        .count({ count: '*' })
        .first<{ count: string } | undefined>();
      return Number(row?.count ?? 0);
    },
  };
  return withUnavailable(requests);
}

/** Until where each tier of each tenant is filled, for those who read. */
export function createDownsampleMarks(knex: Knex): { all(): Promise<readonly Mark[]> } {
  return withUnavailable({
    async all() {
      const rows = await knex('downsample_marks').select<
        { tenant_id: string; tier: Mark['tier']; done_until: Date }[]
      >('tenant_id', 'tier', 'done_until');
      return rows.map(({ tenant_id: tenantId, tier, done_until: doneUntil }) => ({
        ...{ tenantId, tier, doneUntilMs: toMs(doneUntil) },
      }));
    },
  });
}
