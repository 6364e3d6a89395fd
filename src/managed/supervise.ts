import type { ChildProcess } from 'node:child_process';
import { backoffMs, GaugewayError, messageOf, sleep, type Logger } from '../platform/index.ts';
import { exitOf, lastLinesOf, type ChildExit } from './child.ts';
import type { DirectoryLock } from './directory-lock.ts';

export interface ChildSpec {
  /** For people: `Postgres 15.8`, `VictoriaMetrics (raw)`. */
  name: string;
  spawn: () => ChildProcess;
  /** Resolves when the server answers; must stop trying when the signal aborts. */
  ready: (pid: number, signal: AbortSignal) => Promise<void>;
  readyWithinMs: number;
  stopSignal: NodeJS.Signals;
  stopWithinMs: number;
  logFile: string;
  lock: DirectoryLock;
  log: Logger;
}

/** A server that is kept running until it is told to stop. */
export interface Supervised {
  /** The pid changes with every restart; undefined between two. */
  pid(): number | undefined;
  /** Called whenever the server ended without being told to. */
  onExit(listener: (exit: ChildExit) => void): void;
  /** Ends the server, by force after its deadline; safe to call twice. */
  stop(): Promise<void>;
}

interface Running {
  child: ChildProcess;
  exited: Promise<ChildExit>;
}

/** Starts a server and restarts it with growing pauses when it dies; only the first start may fail. */
export async function supervise(spec: ChildSpec): Promise<Supervised> {
  const stopping = new AbortController();
  const listeners: ((exit: ChildExit) => void)[] = [];
  let running: Running | undefined = await startOnce(spec, stopping.signal);
  let keeping = Promise.resolve();
  let stopped: Promise<void> | undefined;

  async function keep(): Promise<void> {
    while (running) {
      const exit = await Promise.race([aborted(stopping.signal), running.exited]);
      if (exit === undefined) return;
      running = undefined;
      spec.log.error('managed server ended unexpectedly and is restarted', {
        server: spec.name,
        ...exit,
        output: lastLinesOf(spec.logFile, 5),
      });
      for (const listener of listeners) listener(exit);
      running = await restart(spec, stopping.signal);
    }
  }

  async function stop(): Promise<void> {
    stopping.abort();
    await keeping;
    if (running) await end(running, spec);
    running = undefined;
    spec.lock.release();
  }

  keeping = keep();
  return {
    pid: () => running?.child.pid,
    onExit: (listener) => void listeners.push(listener),
    stop: () => (stopped ??= stop()),
  };
}

async function restart(spec: ChildSpec, stopping: AbortSignal): Promise<Running | undefined> {
  for (let attempt = 0; ; attempt++) {
    await sleep(backoffMs(attempt, { firstMs: 100, maxMs: 10_000 }), stopping);
    try {
      const running = await startOnce(spec, stopping);
      spec.log.info('managed server is back', { server: spec.name, pid: running.child.pid });
      return running;
    } catch (error) {
      if (stopping.aborted) return undefined;
      spec.log.error('managed server could not be restarted', {
        server: spec.name,
        attempt,
        error: messageOf(error),
      });
    }
  }
}

/** UNAVAILABLE with the end of the server's own log when it does not come up. */
async function startOnce(spec: ChildSpec, stopping: AbortSignal): Promise<Running> {
  if (stopping.aborted) throw new GaugewayError('UNAVAILABLE', `${spec.name} is told to stop`);
  const child = spec.spawn();
  const running = { child, exited: exitOf(child) };
  if (child.pid !== undefined) spec.lock.noteChild(child.pid);
  const gaveUp = new AbortController();
  const late = sleep(spec.readyWithinMs, gaveUp.signal).then(() => 'late' as const);
  const outcome = await Promise.race([
    spec.ready(child.pid ?? 0, gaveUp.signal).then(() => 'ready' as const),
    running.exited.then((exit) => `ended (${exit.signal ?? `exit ${exit.code ?? '?'}`})` as const),
    aborted(stopping).then(() => 'told to stop' as const),
    late,
  ]).catch(messageOf);
  gaveUp.abort();
  if (outcome === 'ready') return running;
  const output = lastLinesOf(spec.logFile, 8);
  await end(running, spec);
  const reason =
    outcome === 'late' ? `did not answer within ${spec.readyWithinMs / 1000} s` : outcome;
  throw new GaugewayError('UNAVAILABLE', `${spec.name} did not start: ${reason}\n${output}`, {
    details: { logFile: spec.logFile },
  });
}

async function end(running: Running, spec: ChildSpec): Promise<void> {
  const done = new AbortController();
  running.child.kill(spec.stopSignal);
  const first = await Promise.race([
    running.exited,
    sleep(spec.stopWithinMs, done.signal).then(() => undefined),
  ]);
  done.abort();
  if (first !== undefined) return;
  spec.log.warn('managed server did not stop in time and is killed', { server: spec.name });
  running.child.kill('SIGKILL');
  await running.exited;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
