import { Writable } from 'node:stream';
import { clientSettings } from '../platform/index.ts';
import { exitCodes, wrongUse } from './exit.ts';

/** Where the words of a command go, and where a person's answers come from. */
export interface Terminal {
  out: (text: string) => void;
  err: (text: string) => void;
  /** For bytes as they come, no faster than standard output takes them. */
  sink: () => Writable;
  /** Of the terminal that standard output is; undefined where it is a file or a pipe. */
  columns: number | undefined;
  colours: boolean;
  /** Whether a person watches standard error. */
  isWatched: boolean;
  input: Input;
}

export interface Input {
  /** Whether there is a person to ask. */
  isTty: boolean;
  ask: (question: string) => Promise<string>;
  /** What is typed does not appear. */
  askHidden: (question: string) => Promise<string>;
  /** All of standard input. */
  readAll: () => Promise<string>;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    sink: () =>
      new Writable({ write: (chunk: Buffer, _encoding, done) => void stdout.write(chunk, done) }),
    columns: stdout.isTTY ? stdout.columns : undefined,
    colours: stdout.isTTY && clientSettings().mayColour,
    isWatched: stderr.isTTY,
    input: {
      // Looked at when asked: touching standard input would keep the process waiting for it.
      get isTty() {
        return process.stdin.isTTY && stderr.isTTY;
      },
      ask: (question) => askLine(question, false),
      askHidden: (question) => askLine(question, true),
      readAll,
    },
  };
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** One line, typed in raw mode: the terminal's own echo would show a password. */
function askLine(question: string, isHidden: boolean): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) throw wrongUse('there is no terminal to ask at');
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  return new Promise((resolve) => {
    let typed = '';
    const end = (): void => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.off('data', take);
      stderr.write('\n');
    };
    const take = (chunk: string): void => {
      const { line, isDone, isInterrupted, echo } = typeInto(typed, chunk);
      typed = line;
      if (!isHidden) stderr.write(echo);
      if (!isDone && !isInterrupted) return;
      end();
      if (isInterrupted) process.exit(exitCodes.interrupted);
      resolve(typed);
    };
    stdin.on('data', take);
  });
}

interface Typed {
  line: string;
  isDone: boolean;
  isInterrupted: boolean;
  echo: string;
}

const keys = { interrupt: '\x03', end: '\x04', backspace: ['\x7f', '\b'], clear: '\x15' } as const;

/** What a line becomes by what is typed next; a paste comes as one chunk. */
export function typeInto(before: string, chunk: string): Typed {
  let line = before;
  let echo = '';
  // Arrow keys and their like: an escape sequence is no part of an answer.
  for (const key of chunk.replace(/\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])/g, '')) {
    if (key === keys.interrupt) return { line, isDone: false, isInterrupted: true, echo };
    if (key === '\r' || key === '\n' || key === keys.end) {
      return { line, isDone: true, isInterrupted: false, echo };
    }
    const letters = Array.from(line);
    if (key === keys.clear) {
      echo += '\b \b'.repeat(letters.length);
      line = '';
    } else if (keys.backspace.includes(key as '\b')) {
      if (letters.length > 0) echo += '\b \b';
      line = letters.slice(0, -1).join('');
    } else if (key >= ' ') {
      line += key;
      echo += key;
    }
  }
  return { line, isDone: false, isInterrupted: false, echo };
}
