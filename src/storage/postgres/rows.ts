import type { Knex } from 'knex';

/** A window into a list, as the rooms ask for it. */
interface Window {
  limit: number;
  offset: number;
}

/** A request waits for its credential: a database that hangs must not hold it as long as a statement may take. */
export const credentialTimeoutMs = 3_000;

/** Milliseconds of a timestamp column. */
export const toMs = (at: Date): number => at.getTime();
export const toMsOrNull = (at: Date | null): number | null => at && at.getTime();
export const toDate = (ms: number): Date => new Date(ms);
export const toDateOrNull = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** The rows of the window and how many there are in all. */
export async function listed<T>(
  query: Knex.QueryBuilder,
  { limit, offset }: Window,
  toItem: (row: never) => T,
): Promise<{ items: T[]; total: number }> {
  const total = query.clone().clearOrder().clearSelect().count<{ count: string }[]>('* as count');
  const rows = query.clone().limit(limit).offset(offset) as Promise<never[]>;
  const [counted, found] = await Promise.all([total, rows]);
  return { items: found.map(toItem), total: Number(counted[0]?.count ?? 0) };
}

/** Whether an insert failed because the row is there already (SQLSTATE 23505), and by which index. */
export function isDuplicate(error: unknown): error is Error & { constraint: string } {
  return error instanceof Error && (error as Error & { code?: unknown }).code === '23505';
}
