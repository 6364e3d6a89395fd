import { execFileSync } from 'node:child_process';
import {
  appendFile,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Journal, positionAt, type JournalOptions } from '../../../src/forward/journal/journal.ts';
import { silentLogger, systemClock } from '../../../src/platform/index.ts';
import { batchOf, idsIn, scratchDirectory } from '../../support/forward.ts';

const open = (directory: string, options: Partial<JournalOptions> = {}) =>
  Journal.open({ directory, fsync: 'off', ...options }, systemClock, silentLogger);

async function readAll(
  journal: Journal,
  from = 1,
): Promise<{ seq: number; id: number | undefined }[]> {
  const position = positionAt(from);
  const all: { seq: number; id: number | undefined }[] = [];
  for (;;) {
    const records = await journal.read(position);
    if (records.length === 0) return all;
    for (const { seq, batch } of records)
      all.push({ seq, id: idsIn(Buffer.concat(batch.body))[0] });
  }
}

async function append(journal: Journal, ...ids: number[]): Promise<number[]> {
  return Promise.all(ids.map((id) => journal.append(batchOf(id))));
}

const segmentsIn = async (directory: string) =>
  (await readdir(directory)).filter((name) => name.endsWith('.seg')).sort();

async function lastSegment(directory: string): Promise<string> {
  return join(directory, (await segmentsIn(directory)).at(-1) ?? '');
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe.each(['off', 'group'] as const)('the journal with fsync %s', (fsync) => {
  it('gives back what was appended, in order, before and after it is opened again', async () => {
    const directory = await scratchDirectory();
    const journal = await open(directory, { fsync });
    expect(await append(journal, ...upTo(20))).toEqual(upTo(20));
    const expected = upTo(20).map((id) => ({ seq: id, id }));
    expect(await readAll(journal)).toEqual(expected);
    expect(await readAll(journal, 15)).toEqual(expected.slice(14));
    await journal.close();
    const again = await open(directory, { fsync });
    expect(again.lastSeq).toBe(20);
    expect(await append(again, 21)).toEqual([21]);
    expect(await readAll(again)).toEqual([...expected, { seq: 21, id: 21 }]);
    expect(again.damaged).toBe(0);
    await again.close();
  });

  it('keeps labels, sizes and bodies in pieces', async () => {
    const journal = await open(await scratchDirectory(), { fsync });
    const labels: [string, string][] = [
      ['tenant', 'ä"\\'],
      ['zone', 'eu'],
    ];
    const batch = batchOf(7, { samples: 3, labels });
    const [body = Buffer.alloc(0)] = batch.body;
    await journal.append({ ...batch, body: [body.subarray(0, 5), body.subarray(5)] });
    const [record] = await journal.read(positionAt(1));
    expect(record?.batch).toEqual({ labels, body: [body], bytes: body.length, samples: 3 });
    await journal.close();
  });
});

describe('segments of the journal', () => {
  it('are rotated by size, and removed when all in them is confirmed', async () => {
    const directory = await scratchDirectory();
    const journal = await open(directory, { segmentBytes: 200 });
    for (const id of upTo(9)) await journal.append(batchOf(id, { pad: 100 }));
    const before = await segmentsIn(directory);
    expect(before.length).toBeGreaterThan(3);
    await journal.confirm(5);
    const after = await segmentsIn(directory);
    expect(after.length).toBeLessThan(before.length);
    expect((await readAll(journal, 6)).map(({ id }) => id)).toEqual([6, 7, 8, 9]);
    await journal.close();
    const again = await open(directory);
    expect(again.confirmed).toBe(5);
    expect((await readAll(again, again.confirmed + 1)).map(({ id }) => id)).toEqual([6, 7, 8, 9]);
    await again.close();
  });

  it('numbers go on where all was confirmed and removed', async () => {
    const directory = await scratchDirectory();
    const journal = await open(directory);
    await append(journal, ...upTo(4));
    await journal.confirm(4);
    await journal.close();
    const again = await open(directory);
    expect(again.bytes).toBe(0);
    expect(await append(again, 5)).toEqual([5]);
    await again.close();
  });

  it('one that a crash left without a record takes no later record along', async () => {
    const directory = await scratchDirectory();
    const journal = await open(directory);
    await append(journal, 1, 2);
    await journal.close();
    // Killed between making the file and writing to it.
    await writeFile(join(directory, `${'3'.padStart(16, '0')}.seg`), '');
    const second = await open(directory);
    expect(await append(second, 3)).toEqual([3]);
    await second.confirm(2);
    await second.close();
    const third = await open(directory);
    expect((await readAll(third, 3)).map(({ id }) => id)).toEqual([3]);
    await third.close();
  });

  it('the oldest can be given up, the one that is written cannot', async () => {
    const directory = await scratchDirectory();
    const journal = await open(directory, { segmentBytes: 100 });
    for (const id of upTo(4)) await journal.append(batchOf(id, { pad: 150 }));
    expect(await journal.dropOldest(1)).toBe(1);
    expect((await readAll(journal)).map(({ id }) => id)).toEqual([2, 3, 4]);
    expect(await journal.dropOldest(3)).toBe(0);
    expect(await journal.dropOldest(3)).toBe(1);
    expect(await journal.dropOldest(3)).toBeUndefined();
    expect((await readAll(journal)).map(({ id }) => id)).toEqual([4]);
    await journal.close();
  });
});

describe('a damaged journal', () => {
  it('cut off at any byte of its last record gives every earlier one, and takes new ones', async () => {
    const directory = await scratchDirectory();
    const journal = await open(directory);
    await append(journal, ...upTo(3));
    const before = (await stat(await lastSegment(directory))).size;
    await append(journal, 4);
    await journal.close();
    const path = await lastSegment(directory);
    const { size } = await stat(path);
    const copy = join(directory, 'copy');
    for (let length = before; length < size; length += 1) {
      await mkdir(copy);
      await copyFile(path, join(copy, '0000000000000001.seg'));
      await truncate(join(copy, '0000000000000001.seg'), length);
      const torn = await open(copy);
      expect(torn.damaged > 0).toBe(length > before);
      expect(await append(torn, 9)).toEqual([4]);
      await torn.close();
      const again = await open(copy);
      expect((await readAll(again)).map(({ id }) => id)).toEqual([1, 2, 3, 9]);
      await again.close();
      await rm(copy, { recursive: true });
    }
  });

  it('with one bit turned anywhere loses at most the record with that bit, and counts it', async () => {
    const directory = await scratchDirectory();
    const journal = await open(directory);
    const ends: number[] = [];
    for (const id of upTo(12)) {
      await journal.append(batchOf(id, { pad: 40 + id }));
      ends.push(journal.bytes);
    }
    await journal.close();
    const path = await lastSegment(directory);
    const whole = await readFile(path);
    for (let i = 0; i < 300; i += 1) {
      const at = (i * 7_919) % whole.length;
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (i % 8));
      await writeFile(path, damaged);
      const hit = ends.findIndex((end) => at < end) + 1;
      const again = await open(directory);
      expect(again.damaged).toBeGreaterThan(0);
      expect((await readAll(again)).map(({ id }) => id)).toEqual(
        upTo(12).filter((id) => id !== hit),
      );
      await again.close();
    }
  });

  it('with rubbish between and behind its records gives the records', async () => {
    const directory = await scratchDirectory();
    const journal = await open(directory);
    await append(journal, 1);
    await journal.close();
    const path = await lastSegment(directory);
    const record = await readFile(path);
    await appendFile(
      path,
      Buffer.concat([Buffer.from('GWJ1 no record'), Buffer.alloc(30), Buffer.from('GWJ')]),
    );
    const again = await open(directory);
    expect(record.length).toBeLessThan(again.bytes);
    expect((await readAll(again)).map(({ id }) => id)).toEqual([1]);
    expect(again.damaged).toBeGreaterThan(0);
    await again.close();
  });

  it('finds the record that begins where a slice of reading ends', async () => {
    const directory = await scratchDirectory();
    const journal = await open(directory);
    await append(journal, 1, 2);
    await journal.close();
    const path = await lastSegment(directory);
    const whole = await readFile(path);
    const second = whole.indexOf('GWJ1', 4);
    // Slices are 4 MiB: the second record's first four bytes stand across the border, behind rubbish.
    for (const overlap of [0, 1, 2, 3, 4]) {
      const rubbish = Buffer.alloc(4 * 1024 * 1024 - second - overlap, 0x55);
      await writeFile(
        path,
        Buffer.concat([whole.subarray(0, second), rubbish, whole.subarray(second)]),
      );
      const again = await open(directory);
      expect((await readAll(again)).map(({ id }) => id)).toEqual([1, 2]);
      await again.close();
    }
  });
});

/** Mounting takes a right that an ordinary user and most containers lack; the next test needs none. */
function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

describe('a disk that takes no more', () => {
  it.runIf(canMount())(
    'refuses appends, tears nothing, and takes them again when there is room',
    async () => {
      const directory = await scratchDirectory();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
      onTestFinished(() => void execFileSync('umount', ['--lazy', directory]));
      const journal = await open(join(directory, 'journal'), { segmentBytes: 100_000 });
      const taken: number[] = [];
      let refusals = 0;
      for (let id = 1; refusals < 3; id += 1) {
        const ok = await journal.append(batchOf(id, { pad: 30_000 })).then(
          () => true,
          () => false,
        );
        if (ok) taken.push(id);
        else refusals += 1;
      }
      expect(taken.length).toBeGreaterThan(10);
      expect((await readAll(journal)).map(({ id }) => id)).toEqual(taken);
      await journal.confirm(taken[9] ?? 0);
      const seq = await journal.append(batchOf(999, { pad: 30_000 }));
      await journal.close();
      const again = await open(join(directory, 'journal'));
      expect(again.damaged).toBe(0);
      expect((await readAll(again, seq)).map(({ id }) => id)).toEqual([999]);
      expect((await readAll(again, (taken[9] ?? 0) + 1)).map(({ id }) => id)).toEqual([
        ...taken.slice(10),
        999,
      ]);
      await again.close();
    },
  );

  it('that opens no file refuses what would go into it, and later takes it', async () => {
    const directory = join(await scratchDirectory(), 'journal');
    const journal = await open(directory, { segmentBytes: 1 });
    await journal.append(batchOf(1));
    await rename(directory, `${directory}-away`);
    await expect(journal.append(batchOf(2))).rejects.toThrow('ENOENT');
    await rename(`${directory}-away`, directory);
    const seq = await journal.append(batchOf(3));
    expect((await readAll(journal)).map(({ id }) => id)).toEqual([1, 3]);
    await journal.confirm(1);
    await journal.close();
    const again = await open(directory);
    expect(await readAll(again, 2)).toEqual([{ seq, id: 3 }]);
    await again.close();
  });
});
