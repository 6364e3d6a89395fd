import type { Knex } from 'knex';
import type { RateWindowStore } from '../../limits/index.ts';
import { toDate, toMs } from './rows.ts';

const lengthMs = 60_000;
/** A request waits for its count. */
const timeoutMs = 2_000;

interface Row {
  key: string;
  spent: number;
  started_at: Date;
}

export function createRateWindowStore(knex: Knex): RateWindowStore {
  return {
    async spend(spendings, nowMs) {
      // In one order everywhere: two replicas that lock the same rows do not wait for each other in a circle.
      const sorted = [...spendings].sort((a, b) => (a.key < b.key ? -1 : 1));
      const over = toDate(nowMs - lengthMs).toISOString();
      const { rows } = await knex
        .raw<{ rows: Row[] }>(
          `insert into rate_windows as w (key, spent, started_at)
           select key, count, ? from unnest(?::text[], ?::int[]) as given (key, count)
           on conflict (key) do update set
             spent = case when w.started_at <= ? then excluded.spent else w.spent + excluded.spent end,
             started_at = case when w.started_at <= ? then excluded.started_at else w.started_at end
           returning key, spent, started_at`,
          [
            toDate(nowMs).toISOString(),
            sorted.map(({ key }) => key),
            sorted.map(({ count }) => count),
            over,
            over,
          ],
        )
        .timeout(timeoutMs);
      const byKey = new Map(rows.map((row) => [row.key, row]));
      return spendings.map(({ key, count }) => {
        const row = byKey.get(key);
        if (!row) return { spent: count, startedAtMs: nowMs };
        return { spent: row.spent, startedAtMs: toMs(row.started_at) };
      });
    },
    purge: (nowMs) =>
      knex('rate_windows')
        .where('started_at', '<=', toDate(nowMs - lengthMs))
        .delete(),
  };
}
