import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, describe, expect, it } from 'vitest';
import type { BufferDeps, SpoolBuffer } from '../../exporter-agent/buffer/buffer.ts';
import { createDiskBuffer, type DiskBufferDeps } from '../../exporter-agent/buffer/disk.ts';
import { createMemoryBuffer } from '../../exporter-agent/buffer/memory.ts';
import { bufferContract } from './buffer.contract.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function newDirectory(): string {
  const directory = fs.mkdtempSync(join(tmpdir(), 'gaugeway-buffer-'));
  cleanups.push(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function closing(buffer: SpoolBuffer): SpoolBuffer {
  cleanups.push(() => buffer.close());
  return buffer;
}

bufferContract('in memory', { open: createMemoryBuffer });
bufferContract('on disk', {
  open: (deps: BufferDeps) => closing(createDiskBuffer({ ...deps, directory: newDirectory() })),
});

describe('the buffer on disk, over a restart', () => {
  const now = 1_000_000;
  const drops: [string, number][] = [];
  const open = (directory: string, more: Partial<DiskBufferDeps> = {}) => {
    drops.length = 0;
    return closing(
      createDiskBuffer({
        directory,
        limits: { maxBytes: 10_000_000, maxAgeMs: 60_000 },
        clock: { nowMs: () => now, monotonicMs: () => 0 },
        onDrop: (reason, batches) => drops.push([reason, batches]),
        ...more,
      }),
    );
  };
  const drain = (buffer: SpoolBuffer): string[] => {
    const bodies: string[] = [];
    for (let batch = buffer.take(); batch; batch = buffer.take()) {
      bodies.push(Buffer.from(batch.body).toString('latin1'));
      buffer.settle(batch.seq);
    }
    return bodies;
  };
  const segments = (directory: string) =>
    fs
      .readdirSync(directory)
      .filter((name) => name.endsWith('.seg'))
      .sort();

  it('finds every batch again, over several segments, and removes the files when they are settled', () => {
    const directory = newDirectory();
    const bodies = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(5_000, '.'));
    const first = open(directory);
    for (const body of bodies) first.add(Buffer.from(body), now);
    expect(segments(directory).length).toBeGreaterThan(2);
    const second = open(directory);
    expect(drain(second)).toEqual(bodies);
    expect(segments(directory)).toEqual([]);
  });

  it('does not give a settled batch a second time', () => {
    const directory = newDirectory();
    const first = open(directory);
    for (const text of ['a', 'b', 'c']) first.add(Buffer.from(text), now);
    first.settle(first.take()!.seq);
    expect(drain(open(directory))).toEqual(['b', 'c']);
  });

  it('gives up what is too old for the wall clock, and keeps what is from its future', () => {
    const directory = newDirectory();
    const first = open(directory);
    first.add(Buffer.from('old'), now - 60_001);
    first.add(Buffer.from('new'), now - 1_000);
    first.add(Buffer.from('future'), now + 7_200_000);
    expect(drain(open(directory))).toEqual(['new', 'future']);
    expect(drops).toEqual([['spool_expired', 1]]);
  });

  it('cuts off a torn tail, counts it, and goes on behind it', () => {
    const directory = newDirectory();
    const first = open(directory);
    for (const text of ['a', 'b']) first.add(Buffer.from(text), now);
    const segment = join(directory, segments(directory)[0]!);
    fs.appendFileSync(segment, Buffer.from('0300000012345678010000', 'hex'));
    const second = open(directory);
    expect(drops).toEqual([['spool_broken', 1]]);
    second.add(Buffer.from('c'), now);
    expect(drain(open(directory))).toEqual(['a', 'b', 'c']);
  });

  it('loses only what follows a flipped bit in its segment', () => {
    const directory = newDirectory();
    const first = open(directory);
    for (const text of ['aaaa', 'bbbb', 'cccc']) first.add(Buffer.from(text), now);
    const segment = join(directory, segments(directory)[0]!);
    const bytes = fs.readFileSync(segment);
    bytes[bytes.length - 1]! ^= 1;
    fs.writeFileSync(segment, bytes);
    expect(drain(open(directory))).toEqual(['aaaa', 'bbbb']);
    expect(drops).toEqual([['spool_broken', 1]]);
  });

  it('counts a batch whose file vanished while it ran, and gives the next', () => {
    const directory = newDirectory();
    const buffer = open(directory);
    buffer.add(Buffer.from('a'), now);
    fs.rmSync(join(directory, segments(directory)[0]!));
    expect(buffer.take()).toBeUndefined();
    expect(drops).toEqual([['spool_broken', 1]]);
    buffer.add(Buffer.from('b'), now);
    expect(drain(buffer)).toEqual(['b']);
  });

  it('goes on in memory while the disk is full, and on disk afterwards', () => {
    const directory = newDirectory();
    const states: (string | undefined)[] = [];
    let full = false;
    const buffer = open(directory, {
      onDiskState: (error) => states.push(error instanceof Error ? error.message : undefined),
      append: (fd, bytes) => {
        if (full) {
          fs.writeSync(fd, bytes.subarray(0, 7));
          throw new Error('ENOSPC');
        }
        fs.writeSync(fd, bytes);
      },
    });
    buffer.add(Buffer.from('a'), now);
    full = true;
    buffer.add(Buffer.from('b'), now);
    buffer.add(Buffer.from('c'), now);
    full = false;
    buffer.add(Buffer.from('d'), now);
    expect(states).toEqual(['ENOSPC', undefined]);
    expect(buffer.stats().batches).toBe(4);
    expect(drain(buffer).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(drops).toEqual([]);
  });

  it('goes on in memory when the kernel says that there is no space', () => {
    const directory = newDirectory();
    const isMounted =
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]).status === 0;
    if (isMounted) cleanups.push(() => spawnSync('umount', ['-l', directory]));
    // Only root may mount a small filesystem; for others /dev/full refuses every record.
    const full = fs.openSync('/dev/full', 'a');
    cleanups.push(() => fs.closeSync(full));
    const states: unknown[] = [];
    const buffer = open(join(directory, 'spool'), {
      onDiskState: (error) => states.push((error as { code?: string }).code),
      ...(isMounted ? {} : { append: (_fd, bytes) => void fs.writeSync(full, bytes) }),
    });
    const bodies = Array.from({ length: 30 }, (_, i) => `${i}`.padStart(2, '0').padEnd(4_000, '.'));
    for (const body of bodies) buffer.add(Buffer.from(body), now);
    expect(states).toEqual(['ENOSPC']);
    expect(drain(buffer).sort()).toEqual(bodies);
  });

  it('has every batch after kill -9 of the process that wrote it, and none twice', async () => {
    const directory = newDirectory();
    const script = join(directory, 'writer.mjs');
    await build({
      stdin: {
        contents: `
          import { createDiskBuffer } from './exporter-agent/buffer/disk.ts';
          const buffer = createDiskBuffer({
            directory: process.argv[2],
            limits: { maxBytes: 1e9, maxAgeMs: 1e9 },
            clock: { nowMs: () => ${now}, monotonicMs: () => 0 },
            onDrop: () => undefined,
          });
          const write = (n) => {
            for (let i = 0; i < 50; i += 1, n += 1) {
              buffer.add(Buffer.from(String(n).padEnd(2000, '.')), ${now});
              if (n % 3 === 0) buffer.settle(buffer.take().seq);
            }
            process.stdout.write(n + '\\n', () => setImmediate(write, n));
          };
          write(0);`,
        resolveDir: new URL('../..', import.meta.url).pathname,
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
      logLevel: 'silent',
    });
    const spool = join(directory, 'spool');
    const child = spawn(process.execPath, [script, spool], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanups.push(() => child.kill('SIGKILL'));
    let told = '';
    child.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString();
      if (told.split('\n').length > 6) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const acknowledged = Number(told.trim().split('\n').at(-1));
    const left = drain(open(spool)).map((body) => Number.parseInt(body, 10));
    // Whatever was settled went from the front; behind it the row is whole.
    expect(left).toEqual(Array.from({ length: left.length }, (_, i) => left[0]! + i));
    expect(left.at(-1)).toBeGreaterThanOrEqual(acknowledged - 1);
    expect(left[0]).toBeGreaterThanOrEqual(Math.ceil(acknowledged / 3));
    expect(left[0]).toBeLessThanOrEqual(Math.ceil((left.at(-1)! + 2) / 3));
  });
});
