import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { GaugewayError } from '../platform/index.ts';

export interface ChildOptions {
  command: string;
  args: readonly string[];
  /** What the kernel sends the child when this process dies, also on kill -9. */
  deathSignal: 'INT' | 'TERM' | 'QUIT' | 'KILL';
  /** Further words for setpriv: another user, capabilities. */
  privileges?: readonly string[];
  /** The whole environment of the child; nothing of ours is inherited, so no secret of ours either. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /**
   * Standard output and error go to this file, never to a pipe of ours: a Go program that writes
   * to a pipe whose reader is gone dies of SIGPIPE before it has flushed its data.
   */
  logFile: string;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const plainEnv = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' };
const maxLogBytes = 8 << 20;

/** Starts a program that cannot outlive this process (prctl(2) PR_SET_PDEATHSIG, set by setpriv). */
export function spawnTied(options: ChildOptions): ChildProcess {
  rotateLog(options.logFile);
  const out = openSync(options.logFile, 'a', 0o600);
  try {
    return spawn(
      'setpriv',
      [
        ...(options.privileges ?? []),
        '--pdeathsig',
        options.deathSignal,
        '--',
        options.command,
        ...options.args,
      ],
      {
        stdio: ['ignore', out, out],
        env: { ...plainEnv, ...options.env },
        // Its own process group: Ctrl-C in the terminal is for us, and we stop children in order.
        detached: true,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
    );
  } finally {
    closeSync(out);
  }
}

/** Resolves when the process has ended; a program that could not be started counts as ended. */
export function exitOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: 127, signal: null }));
  });
}

/** Runs a program to its end; UNAVAILABLE with the end of its output when it fails. */
export function runToEnd(
  command: string,
  args: readonly string[],
  options: {
    env?: Readonly<Record<string, string>>;
    cwd?: string;
    input?: string;
    /** Ends the program too. */
    signal?: AbortSignal;
  } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...plainEnv, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    let output = '';
    const take = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-65536));
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    const fail = (reason: string): void =>
      reject(new GaugewayError('UNAVAILABLE', `${command} ${reason}\n${lastLines(output, 8)}`));
    child.once('error', (error) => fail(`could not be run: ${error.message}`));
    child.once('close', (code, signal) =>
      code === 0 ? resolve(output) : fail(`failed (${signal ?? `exit ${code ?? '?'}`})`),
    );
  });
}

export function lastLinesOf(file: string, count: number): string {
  try {
    return lastLines(readFileSync(file, 'utf8'), count);
  } catch {
    return '';
  }
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

function rotateLog(file: string): void {
  try {
    if (statSync(file).size > maxLogBytes) renameSync(file, `${file}.1`);
  } catch {
    // No log yet.
  }
}
