/** A place in the one order of a tenant's alert changes: `TRANSACTION.ID`, opaque to clients. */
export type Cursor = string;

const cursorPattern = /^(\d{1,20})\.(\d{1,19})$/;

export function parseCursor(text: string): { xid: string; id: string } | undefined {
  const [, xid, id] = cursorPattern.exec(text) ?? [];
  return xid === undefined || id === undefined ? undefined : { xid, id };
}

/** Negative where the first comes before the second. */
export function compareCursors(a: Cursor, b: Cursor): number {
  const [first, second] = [parseCursor(a), parseCursor(b)];
  if (!first || !second) return 0;
  const byTransaction = BigInt(first.xid) - BigInt(second.xid);
  const difference = byTransaction === 0n ? BigInt(first.id) - BigInt(second.id) : byTransaction;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** One change of one alert event. */
export interface AlertChange {
  cursor: Cursor;
  /** `opened`, `acknowledged`, `resolved`, …: the kinds of an event's timeline. */
  change: string;
  atMs: number;
  /** The event as the API has it, as it is now. */
  event: Readonly<Record<string, unknown>>;
}

/** Port: changes of alerts in the order in which they became visible, which no later commit precedes. */
export interface AlertFeed {
  /** Those after the cursor, oldest first, so many at most. */
  after(tenantId: string, cursor: Cursor, limit: number): Promise<AlertChange[]>;
  /** The newest place; changes after it are not yet there. */
  newest(tenantId: string): Promise<Cursor>;
  /** False for a text that is no cursor, or one whose changes are no longer kept. */
  isKnown(tenantId: string, cursor: Cursor): Promise<boolean>;
}
