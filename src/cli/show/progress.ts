import type { Terminal } from '../terminal.ts';

/** Tells what a command is at, on standard error. */
export interface Progress {
  /** On a terminal the line is written over by the next; elsewhere it is a line of its own, one in five seconds at most. */
  say(text: string): void;
  /** What somebody who waits must know. */
  tell(text: string): void;
  /** Takes the line away again. */
  clear(): void;
}

const quietMs = 5_000;

export function createProgress(
  { err, isWatched }: Pick<Terminal, 'err' | 'isWatched'>,
  monotonicMs: () => number = () => performance.now(),
): Progress {
  let shown = '';
  // What is over within that time is not worth a line of a log.
  let lastMs = monotonicMs();
  const tell = (text: string): void => {
    if (text === shown) return;
    err(isWatched ? `\r\x1b[K${text}` : `${text}\n`);
    shown = text;
    lastMs = monotonicMs();
  };
  return {
    tell,
    say(text) {
      if (isWatched || monotonicMs() - lastMs >= quietMs) tell(text);
    },
    clear() {
      if (shown !== '' && isWatched) err('\r\x1b[K');
      shown = '';
    },
  };
}
