import type { Terminal } from '../terminal.ts';

/** Tells what a command is at, on standard error. */
export interface Progress {
  /** On a terminal the line is written over by the next; elsewhere each new one is a line. */
  say(text: string): void;
  /** Takes the line away again. */
  clear(): void;
}

export function createProgress({ err, isWatched }: Pick<Terminal, 'err' | 'isWatched'>): Progress {
  let shown = '';
  return {
    say(text) {
      if (text === shown) return;
      err(isWatched ? `\r\x1b[K${text}` : `${text}\n`);
      shown = text;
    },
    clear() {
      if (shown !== '' && isWatched) err('\r\x1b[K');
      shown = '';
    },
  };
}
