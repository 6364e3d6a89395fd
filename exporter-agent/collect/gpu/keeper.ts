import type { RunningTool, StartTool } from './tool.ts';

/** Keeps one tool running; without timers of its own, it acts when it is looked at. */
export interface Keeper {
  /** Starts it when it is due, ends it when it says nothing any more. Once a tick. */
  look(nowMs: number, loopSeconds: number): void;
  /** Why there is nothing; undefined while it works or is just starting. */
  trouble(): string | undefined;
  stop(): void;
}

interface Deps {
  start: StartTool;
  query: string;
  /** Takes a line; false when it is not one of those asked for. */
  take: (line: string, nowMs: number) => boolean;
  /** It is gone: what it told holds no longer. */
  onLost: () => void;
  /** It may say nothing for hours: silence is then no fault. */
  maySilent: boolean;
  monotonicMs: () => number;
}

const firstWaitMs = 30_000;
const longestWaitMs = 600_000;
/** Starts without one good line, after which it is left alone for good. */
const triesAtStart = 5;
/** With many cards and no persistence mode the first answer takes up to ten seconds (field notes: agent §1.6). */
const startMs = 30_000;
const leastSilenceMs = 10_000;
const silentIntervals = 3;

export function createKeeper(deps: Deps): Keeper {
  let running: RunningTool | undefined;
  let loopNow = 0;
  let heardMs = 0;
  let isHeard = false;
  let everHeard = false;
  let failures = 0;
  let nextMs = 0;
  let trouble: string | undefined;
  let said = '';

  function drop(): void {
    running?.stop();
    running = undefined;
  }

  function lose(nowMs: number, why: string): void {
    drop();
    trouble = said === '' ? why : `${why}: ${said}`;
    nextMs = nowMs + waitMs(failures, everHeard);
    failures += 1;
    deps.onLost();
  }

  function hear(text: string): void {
    const atMs = deps.monotonicMs();
    if (!deps.take(text, atMs)) {
      said = text.slice(0, 200);
      return;
    }
    heardMs = atMs;
    isHeard = true;
    everHeard = true;
    failures = 0;
    trouble = undefined;
  }

  function start(nowMs: number, loopSeconds: number): void {
    loopNow = loopSeconds;
    heardMs = nowMs;
    isHeard = false;
    said = '';
    const args = ['-l', String(loopSeconds), deps.query, '--format=csv,noheader,nounits'];
    const end = () => lose(deps.monotonicMs(), 'nvidia-smi ended');
    try {
      running = deps.start(args, { line: hear, end });
    } catch {
      end();
    }
  }

  return {
    look(nowMs, loopSeconds) {
      if (loopSeconds !== loopNow) drop();
      if (running === undefined) {
        if (nowMs >= nextMs) start(nowMs, loopSeconds);
      } else if (nowMs - heardMs > mostSilenceMs(isHeard, loopNow) && !deps.maySilent)
        lose(nowMs, 'nvidia-smi says nothing');
    },
    trouble: () => trouble,
    stop: drop,
  };
}

function waitMs(failuresBefore: number, everHeard: boolean): number {
  if (!everHeard && failuresBefore + 1 >= triesAtStart) return Infinity;
  return Math.min(longestWaitMs, firstWaitMs * 2 ** failuresBefore);
}

function mostSilenceMs(isHeard: boolean, loopSeconds: number): number {
  return Math.max(isHeard ? leastSilenceMs : startMs, silentIntervals * 1000 * loopSeconds);
}
