import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureUserland } from '../../bin/peers.js';
import { until, type Stage } from './stage.ts';

const script = fileURLToPath(new URL('userland.sh', import.meta.url));

export interface Ran {
  code: number | null;
  /** Both streams, as they came. */
  output: string;
}

/** A fresh Debian on the network of this machine, with processes and mounts of its own; gone with the stage. */
export interface Userland {
  /** Runs a shell line as root in it. */
  run(line: string, stdin?: string): Promise<Ran>;
  /** Throws where the line fails. */
  must(line: string, stdin?: string): Promise<string>;
  /** The end of what its first process wrote. */
  said: () => string;
}

/** With `systemd` it is booted, else nothing runs in it. */
export async function openUserland(stage: Stage, init: 'none' | 'systemd'): Promise<Userland> {
  const lower = ensureUserland();
  const mark = randomBytes(16).toString('hex');
  const holder = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--uts', '--cgroup', '--fork'],
      ...['--kill-child', 'sh', script, lower, init, mark],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [holder.stdout, holder.stderr]) {
    stream.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-16_000)));
  }
  const gone = new Promise<void>((resolve) => holder.once('close', () => resolve()));
  stage.onEnd(async () => {
    holder.kill('SIGKILL');
    await gone;
  });
  const run = (line: string, stdin?: string) =>
    runIn({ pid: innerOf(holder.pid ?? 0), mark }, line, stdin);
  const isThere = until('the userland is there', async () => {
    if (init === 'none') return (await run('true')).code === 0;
    const { output } = await run('systemctl is-system-running');
    return /^(running|degraded)/.test(output);
  });
  const hasEnded = gone.then(() => Promise.reject(new Error('it has ended')));
  await Promise.race([isThere, hasEnded]).catch((error: unknown) => {
    throw new Error(`No userland (root with the right to mount is needed): ${said}`, {
      cause: error,
    });
  });
  await run(`echo ${randomBytes(16).toString('hex')} > /etc/machine-id`);
  return {
    run,
    said: () => said,
    async must(line, stdin) {
      const { code, output } = await run(line, stdin);
      if (code !== 0) throw new Error(`${line}: ${String(code)}\n${output}`);
      return output;
    },
  };
}

/** The first process of the namespace, as this machine numbers it. */
function innerOf(unsharePid: number): number {
  const found = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const [, parent] = readFileSync(`/proc/${name}/stat`, 'latin1').split(') ')[1]!.split(' ');
      return Number(parent) === unsharePid;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error('the userland has ended');
  return Number(found);
}

/**
 * Nothing runs before the mark is seen: until the folder has become its root, the namespace still shows this machine's
 * own files, and the line would change them.
 */
function runIn(inner: { pid: number; mark: string }, line: string, stdin = ''): Promise<Ran> {
  const guard = `[ "$(cat /.userland 2>/dev/null)" = ${inner.mark} ] || exit 97`;
  const child = spawn(
    'nsenter',
    [
      `--target=${inner.pid}`,
      '--mount',
      '--pid',
      '--uts',
      '--cgroup',
      '--',
      '/bin/sh',
      '-c',
      `${guard}\n${line}`,
    ],
    { env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/root', LANG: 'C' } },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => (output += data.toString()));
  }
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
