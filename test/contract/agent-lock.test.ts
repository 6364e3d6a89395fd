import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../exporter-agent/config/schema.ts';
import { lockStateDirectory } from '../../exporter-agent/lock.ts';

let directory = '';
const children: ChildProcess[] = [];
beforeEach(() => (directory = fs.mkdtempSync(join(tmpdir(), 'gaugeway-lock-'))));
afterEach(async () => {
  for (const child of children.splice(0)) await end(child);
  fs.rmSync(directory, { recursive: true, force: true });
});

/** Another process, as an agent would be. */
function startOther(): ChildProcess {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

const lockFor = (pid: number, sleep = () => Promise.resolve()) =>
  lockStateDirectory(directory, { pid, procRoot: '/proc', sleep });
const path = () => join(directory, 'agent.lock');

describe('the lock of the state directory', () => {
  it('keeps a second agent out and names the first, until that lets go', async () => {
    const other = startOther();
    const release = await lockFor(other.pid!);
    const refused = lockFor(process.pid);
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(
      `${directory} is in use by another agent, process ${other.pid}`,
    );
    release();
    (await lockFor(process.pid))();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  it('waits for a predecessor that is about to end', async () => {
    const other = startOther();
    await lockFor(other.pid!);
    let waits = 0;
    const release = await lockFor(process.pid, async () => {
      waits += 1;
      if (waits === 3) await end(other);
    });
    expect(waits).toBeGreaterThan(3);
    release();
  });

  it('is taken over from an agent that was killed', async () => {
    const other = startOther();
    await lockFor(other.pid!);
    await end(other);
    const release = await lockFor(process.pid);
    expect(fs.readFileSync(path(), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    release();
  });

  it.each<[string, (own: string[]) => string]>([
    ['has the same number by chance', ([pid, boot]) => `${pid} ${boot} 1`],
    ['ran before the machine started anew', ([pid, , start]) => `${pid} another-boot ${start}`],
    ['left half a line', ([pid]) => `${pid}`],
    ['left nothing', () => ''],
  ])('is taken over from one that %s', async (_, toStale) => {
    const other = startOther();
    await lockFor(other.pid!);
    fs.writeFileSync(path(), `${toStale(fs.readFileSync(path(), 'utf8').trim().split(' '))}\n`);
    (await lockFor(process.pid))();
  });

  it('goes to one of two that find a dead one at the same time', async () => {
    const [dead, first, second] = [startOther(), startOther(), startOther()];
    await lockFor(dead.pid!);
    await end(dead);
    const sleep = () => new Promise<void>((resolve) => setImmediate(resolve));
    const both = await Promise.allSettled([
      lockFor(first.pid!, sleep),
      lockFor(second.pid!, sleep),
    ]);
    expect(both.filter(({ status }) => status === 'fulfilled').length).toBe(1);
  });

  it('is not removed by one that lost it', async () => {
    const release = await lockFor(process.pid);
    fs.writeFileSync(path(), 'another\n');
    release();
    expect(fs.readFileSync(path(), 'utf8')).toBe('another\n');
  });
});
