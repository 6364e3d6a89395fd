import type { Knex } from 'knex';

/** Proof of holding a lease; `epoch` grows with every change of holder. */
export interface Lease {
  name: string;
  holder: string;
  epoch: string;
}

/**
 * Work that must happen once among replicas. A row with a time-to-live rather than an advisory lock, which a stopped
 * process keeps for ever (field/reliability-and-scale C3). Only the database's clock counts.
 */
export interface Leases {
  /** Takes or renews; undefined while another holds it. */
  acquire(name: string, ttlMs: number): Promise<Lease | undefined>;
  release(lease: Lease): Promise<void>;
  /**
   * Runs `work` in a transaction that can only commit while the lease is held: a deposed holder writes nothing.
   * Undefined when it is not held.
   */
  fenced<T>(lease: Lease, work: (trx: Knex.Transaction) => Promise<T>): Promise<T | undefined>;
}

/** `holder` must be unique per process start (host, pid and a random part). */
export function createLeases(knex: Knex, holder: string): Leases {
  return {
    async acquire(name, ttlMs) {
      const { rows } = await knex.raw<{ rows: { epoch: string }[] }>(
        `insert into leases (name, holder, epoch, expires_at)
         values (:name, :holder, 1, clock_timestamp() + :ttlMs * interval '1 millisecond')
         on conflict (name) do update set
           holder = excluded.holder,
           epoch = case when leases.holder = excluded.holder then leases.epoch else leases.epoch + 1 end,
           expires_at = excluded.expires_at
         where leases.holder = excluded.holder or leases.expires_at < clock_timestamp()
         returning epoch`,
        { name, holder, ttlMs },
      );
      const epoch = rows[0]?.epoch;
      return epoch === undefined ? undefined : { name, holder, epoch };
    },
    async release(lease) {
      // Kept as a row: the epoch must go on growing.
      await knex('leases')
        .where(lease)
        .update({ expires_at: knex.raw('clock_timestamp()') });
    },
    fenced: (lease, work) =>
      knex.transaction(async (trx) => {
        const held = await trx('leases')
          .where(lease)
          .whereRaw('expires_at > clock_timestamp()')
          .forShare()
          .first<{ epoch: string } | undefined>('epoch');
        return held === undefined ? undefined : work(trx);
      }),
  };
}
