const entryWords = 4;
const entryBytes = entryWords * 4;
const firstSlots = 1 << 14;
/** Index slots per entry at the least: open addressing slows down when it is fuller. */
const slotsPerEntry = 2;

interface TableDeps {
  wasm: {
    arrange(entriesAt: number, indexAt: number, known: number, slots: number): void;
    known(): number;
  };
  /** All of the kernel's memory. */
  words: Uint32Array;
  tableAt: number;
  capacity: number;
  /** Verdicts from here on are refusals. */
  firstReason: number;
}

/** The kernel's table of known series, seen from the host: growth, expiry, counts by scope. */
export interface SeriesTable {
  /** Enlarges the index when it fills up; false when the table has no room left. */
  makeRoom(): boolean;
  /** Counts one accepted series more for a scope. */
  added(scope: number): void;
  /** Accepted series by scope. */
  counts(): Iterable<readonly [scope: number, series: number]>;
  readonly size: number;
  readonly capacity: number;
  /** Forgets what was last seen before `minute`, and every series of a scope that `keeps` refuses; returns how many. */
  expire(minute: number, keeps?: (scope: number) => boolean): number;
}

const powerOfTwo = (atLeast: number) => 2 ** Math.ceil(Math.log2(atLeast));

/** Bytes of address space that a table of so many series spans. */
export function tableBytes(capacity: number): number {
  return capacity * entryBytes + powerOfTwo(capacity * slotsPerEntry) * 4;
}

export function createSeriesTable(deps: TableDeps): SeriesTable {
  const { wasm, words, tableAt, capacity } = deps;
  const indexAt = tableAt + capacity * entryBytes;
  const firstWord = tableAt >>> 2;
  const counts = new Map<number, number>();
  let slots = Math.min(firstSlots, powerOfTwo(capacity * slotsPerEntry));

  const count = (scope: number) => counts.set(scope, (counts.get(scope) ?? 0) + 1);

  wasm.arrange(tableAt, indexAt, 0, slots);
  return {
    capacity,
    get size() {
      return wasm.known();
    },
    counts: () => counts,
    added: (scope) => void count(scope),
    makeRoom() {
      const known = wasm.known();
      if (known >= capacity) return false;
      if (known * slotsPerEntry >= slots) {
        slots *= 2;
        wasm.arrange(tableAt, indexAt, known, slots);
      }
      return true;
    },
    expire(minute, keeps = () => true) {
      const known = wasm.known();
      const end = firstWord + known * entryWords;
      counts.clear();
      let to = firstWord;
      for (let from = firstWord; from < end; from += entryWords) {
        const scope = words[from + 2] ?? 0;
        const meta = words[from + 3] ?? 0;
        if (meta >>> 8 < minute || !keeps(scope)) continue;
        words.copyWithin(to, from, from + entryWords);
        to += entryWords;
        if ((meta & 0xff) < deps.firstReason) count(scope);
      }
      const kept = (to - firstWord) / entryWords;
      wasm.arrange(tableAt, indexAt, kept, slots);
      return known - kept;
    },
  };
}
