import { messageOf, sleep, type Logger } from '../platform/index.ts';
import { compareCursors, type AlertChange, type AlertFeed, type Cursor } from './alert-feed.ts';

/** Somebody who is told of a tenant's alerts, in order, each once. */
export interface AlertReader {
  tenantId: string;
  tell(change: AlertChange): void;
  /** It does not listen any more. */
  isGone(): boolean;
}

/** A replica may be ahead of another: where each reader is, is its own. */
interface Reading {
  reader: AlertReader;
  at: Cursor;
}

/** Reads each tenant's changes once for all readers of this process; one that is behind is brought up first. */
export interface AlertTail {
  /** From after `since`, or from now on: the place from which it is told. Undefined where `since` is not known. */
  add(reader: AlertReader, since: Cursor | undefined): Promise<Cursor | undefined>;
  remove(reader: AlertReader): void;
  close(): Promise<void>;
}

interface TenantTail {
  position: Cursor;
  readings: Map<AlertReader, Reading>;
}

const pageSize = 200;

export function createAlertTail(deps: {
  feed: AlertFeed;
  log: Logger;
  /** How often changes are looked for; a client hears of one within this and the time to read it. */
  lookMs: number;
}): AlertTail {
  const { feed, log, lookMs } = deps;
  const tenants = new Map<string, TenantTail>();
  const ending = new AbortController();
  let working: Promise<void> | undefined;

  async function work(): Promise<void> {
    while (tenants.size > 0 && !ending.signal.aborted) {
      // Side by side: one tenant's slow answer does not delay another.
      const looks = [...tenants].map(([tenantId, tail]) => advance(feed, tenantId, tail));
      for (const look of await Promise.allSettled(looks)) {
        if (look.status === 'fulfilled') continue;
        const error = messageOf(look.reason);
        log.warn('changes of alerts not read, will be tried again', { error });
      }
      await sleep(lookMs, ending.signal).catch(() => undefined);
    }
    working = undefined;
  }

  function tailOf(tenantId: string, position: Cursor): TenantTail {
    const tail = tenants.get(tenantId) ?? { position, readings: new Map<AlertReader, Reading>() };
    tenants.set(tenantId, tail);
    return tail;
  }

  return {
    async add(reader, since) {
      const { tenantId } = reader;
      if (since !== undefined && !(await feed.isKnown(tenantId, since))) return undefined;
      const reading: Reading = { reader, at: since ?? (await feed.newest(tenantId)) };
      let tail = tailOf(tenantId, reading.at);
      try {
        // Up to where the others are; what comes meanwhile moves that, so it is looked at again after each page. Those
        // others may all have gone meanwhile, and with them the tail that was here.
        while (compareCursors(reading.at, tail.position) < 0 || tenants.get(tenantId) !== tail) {
          tail = tailOf(tenantId, reading.at);
          const changes = await feed.after(tenantId, reading.at, pageSize);
          for (const change of changes) tellOnce(reading, change);
          if (changes.length === 0) reading.at = later(reading.at, tail.position);
        }
      } finally {
        if (tail.readings.size === 0) tenants.delete(tenantId);
      }
      if (reader.isGone()) return reading.at;
      tail.readings.set(reader, reading);
      tenants.set(tenantId, tail);
      working ??= work();
      return reading.at;
    },
    remove(reader) {
      const tail = tenants.get(reader.tenantId);
      tail?.readings.delete(reader);
      if (tail?.readings.size === 0) tenants.delete(reader.tenantId);
    },
    async close() {
      ending.abort();
      await working;
    },
  };
}

const later = (a: Cursor, b: Cursor): Cursor => (compareCursors(a, b) < 0 ? b : a);

function tellOnce(reading: Reading, change: AlertChange): void {
  if (compareCursors(change.cursor, reading.at) <= 0) return;
  reading.at = change.cursor;
  reading.reader.tell(change);
}

/** Tells all what is new; without an await between, so that who is added now is told from the new position on. */
async function advance(feed: AlertFeed, tenantId: string, tail: TenantTail): Promise<void> {
  for (;;) {
    const changes = await feed.after(tenantId, tail.position, pageSize);
    for (const change of changes) {
      for (const reading of tail.readings.values()) tellOnce(reading, change);
      tail.position = change.cursor;
    }
    if (changes.length < pageSize) return;
  }
}
