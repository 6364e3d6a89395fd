import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../src/platform/index.ts';
import {
  createFilePurge,
  createRowPurge,
  removeLeftOvers,
  rowKinds,
  type RowKind,
  type RowPurgeStore,
} from '../../../src/purge/index.ts';
import { createDirectoryBlobs } from '../../../src/storage/blobs/index.ts';

const nowMs = 1_800_000_000_000;
const hour = 3_600_000;
const clock = { nowMs: () => nowMs, monotonicMs: () => 0 };
const byKind = <T>(valueOf: (kind: RowKind) => T) =>
  Object.fromEntries(rowKinds.map((kind) => [kind, valueOf(kind)])) as Record<RowKind, T>;

/** One turn, to its end. */
async function turn(store: RowPurgeStore, isMine = () => Promise.resolve(true)) {
  const counted: Record<string, number> = {};
  const purge = createRowPurge({
    ...{ store, isMine, clock, everyMs: hour, log: silentLogger },
    keptMs: byKind((kind) => rowKinds.indexOf(kind)),
    purged: (kind, rows) => (counted[kind] = (counted[kind] ?? 0) + rows),
  });
  purge.start();
  await vi.waitFor(() => expect(store.ruler).toHaveBeenCalled()).catch(() => undefined);
  await purge.stop();
  return counted;
}

describe('a turn of the purge of rows', () => {
  it('goes on until a batch is not full, each kind by its own time', async () => {
    let left = 12_000;
    const store = {
      ...byKind(() => vi.fn(() => Promise.resolve(0))),
      audit: vi.fn((_beforeMs: number, limit: number) => {
        const rows = Math.min(left, limit);
        left -= rows;
        return Promise.resolve(rows);
      }),
    };
    const counted = await turn(store);
    expect(counted).toMatchObject({ audit: 12_000, session: 0 });
    expect(store.audit).toHaveBeenCalledTimes(3);
    expect(store.session).toHaveBeenCalledExactlyOnceWith(nowMs - 1, 5_000);
    expect(store.alert).toHaveBeenCalledExactlyOnceWith(nowMs - rowKinds.indexOf('alert'), 200);
  });

  it('removes the other kinds where one cannot be removed', async () => {
    const store = {
      ...byKind(() => vi.fn(() => Promise.resolve(1))),
      audit: vi.fn(() => Promise.reject(new Error('locked'))),
    };
    const counted = await turn(store);
    expect(counted).not.toHaveProperty('audit');
    expect(counted).toMatchObject({ session: 1, ruler: 1 });
  });

  it('removes nothing where another does it, or where nobody knows', async () => {
    const store = byKind(() => vi.fn(() => Promise.resolve(1)));
    for (const isMine of [() => Promise.resolve(false), () => Promise.reject(new Error('away'))]) {
      let asked = false;
      const purge = createRowPurge({
        ...{ store, clock, everyMs: hour, log: silentLogger, purged: () => undefined },
        keptMs: byKind(() => 0),
        isMine: () => {
          asked = true;
          return isMine();
        },
      });
      purge.start();
      await vi.waitFor(() => expect(asked).toBe(true));
      await purge.stop();
      expect(store.audit).not.toHaveBeenCalled();
    }
  });
});

describe('files', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'gaugeway-purge-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const put = (name: string, bytes: number, ageMs: number): void => {
    const path = join(dir, name);
    writeFileSync(path, 'x'.repeat(bytes));
    utimesSync(path, (nowMs - ageMs) / 1_000, (nowMs - ageMs) / 1_000);
  };

  it('that are over go, then the oldest of those that are too many together', async () => {
    put('export-a.1.csv', 10, 3 * hour);
    put('export-a.2.csv', 10, hour);
    put('report-a.3.pdf', 10, 2 * hour);
    put('report-a.4.pdf', 10, 200 * hour);
    put('export-b.5.csv', 10, 0);
    const work = join(dir, 'work');
    mkdirSync(work);
    const counted: Record<string, number> = {};
    const purge = createFilePurge({
      ...{ files: createDirectoryBlobs(dir), workDir: work, maxBytes: 25, everyMs: hour, clock },
      ...{ keepExportsMs: 2 * hour, keepReportsMs: 100 * hour, log: silentLogger },
      purged: (kind, files) => (counted[kind] = files),
    });
    purge.start();
    await vi.waitFor(() => expect(counted).toHaveProperty('left_over'));
    await purge.stop();
    expect(counted).toEqual({ export_file: 1, report_file: 1, file_over_bound: 1, left_over: 0 });
    expect(readdirSync(dir).sort()).toEqual(['export-a.2.csv', 'export-b.5.csv', 'work']);
  });

  it('that a killed process left are removed, those that still grow are not', async () => {
    put('export-a.1.csv', 10, 2 * hour);
    put('export-a.2.csv', 10, 0);
    for (const [name, ageMs] of [
      ['run-old', 2 * hour],
      ['run-new', 0],
    ] as const) {
      mkdirSync(join(dir, name));
      put(join(name, 'making.pdf'), 10, ageMs);
      const at = (nowMs - 2 * hour) / 1_000;
      utimesSync(join(dir, name), at, at);
    }
    expect(await removeLeftOvers(dir, nowMs - hour)).toBe(2);
    expect(readdirSync(dir).sort()).toEqual(['export-a.2.csv', 'run-new']);
    expect(await removeLeftOvers(join(dir, 'none'), nowMs)).toBe(0);
    expect(existsSync(join(dir, 'none'))).toBe(false);
  });
});
