const slotBytes = 24;
const slotWords = slotBytes / 4;
const firstSlots = 1 << 15;
const pageBytes = 65_536;
const fullAt = 0.6;

interface TableDeps {
  wasm: {
    reset(at: number, slots: number): void;
    restore(at: number, slots: number): void;
    known(): number;
  };
  memory: WebAssembly.Memory;
  tableAt: number;
  /** Scratch through which saved slots go back in. */
  stagingAt: number;
  stagingBytes: number;
  /** Verdicts from here on are refusals. */
  firstReason: number;
  /** Views of the memory are stale after a growth. */
  onGrow: () => void;
}

/** The kernel's table of known series, seen from the host: growth, expiry, counts by scope. */
export interface SeriesTable {
  /** Doubles the table when it is 60 % full. */
  makeRoom(): void;
  /** Counts one accepted series more for a scope. */
  added(scope: number): void;
  /** Accepted series by scope. */
  counts(): Iterable<readonly [scope: number, series: number]>;
  readonly size: number;
  readonly capacity: number;
  /** Forgets what was last seen before `minute`, and every series of a scope that `keeps` refuses; returns how many. */
  expire(minute: number, keeps?: (scope: number) => boolean): number;
}

export function createSeriesTable(deps: TableDeps): SeriesTable {
  const { wasm, memory, tableAt } = deps;
  const counts = new Map<number, number>();
  let slots = 0;

  function resize(next: number): void {
    const missing = tableAt + next * slotBytes - memory.buffer.byteLength;
    if (missing > 0) {
      memory.grow(Math.ceil(missing / pageBytes));
      deps.onGrow();
    }
    slots = next;
    wasm.reset(tableAt, slots);
  }

  function putBack(saved: Uint32Array): void {
    const perRound = Math.floor(deps.stagingBytes / slotBytes);
    const total = saved.length / slotWords;
    const view = new Uint32Array(memory.buffer);
    for (let from = 0; from < total; from += perRound) {
      const part = saved.subarray(from * slotWords, Math.min(total, from + perRound) * slotWords);
      view.set(part, deps.stagingAt >>> 2);
      wasm.restore(deps.stagingAt, part.length / slotWords);
    }
  }

  const save = () => new Uint32Array(memory.buffer, tableAt, slots * slotWords).slice();

  resize(firstSlots);
  return {
    get size() {
      return wasm.known();
    },
    get capacity() {
      return slots;
    },
    counts: () => counts,
    added: (scope) => void counts.set(scope, (counts.get(scope) ?? 0) + 1),
    makeRoom() {
      if (wasm.known() < slots * fullAt) return;
      const saved = save();
      resize(slots * 2);
      putBack(saved);
    },
    expire(minute, keeps = () => true) {
      const before = wasm.known();
      const saved = save();
      counts.clear();
      let kept = 0;
      for (let from = 0; from < saved.length; from += slotWords) {
        const low = (saved[from + 2] ?? 0) | (saved[from + 3] ?? 0);
        const scope = saved[from + 4] ?? 0;
        if (low === 0 || (saved[from + 5] ?? 0) >>> 8 < minute || !keeps(scope)) continue;
        saved.copyWithin(kept, from, from + slotWords);
        kept += slotWords;
        const isAccepted = ((saved[from + 5] ?? 0) & 0xff) < deps.firstReason;
        if (isAccepted) counts.set(scope, (counts.get(scope) ?? 0) + 1);
      }
      wasm.reset(tableAt, slots);
      putBack(saved.subarray(0, kept));
      return before - wasm.known();
    },
  };
}
