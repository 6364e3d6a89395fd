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
  // Before the question is seen, or a quick answer would be echoed.
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stderr.write(question);
  return new Promise((resolve) => {
    let typed = '';
    const end = (): void => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.off('data', take);
      stderr.write('\n');
    };
    const take = (chunk: string): void => {
      const typing = typeInto(typed, chunk);
      typed = typing.line;
      if (!isHidden) stderr.write(typing.echo);
      if (typing.ended === undefined) return;
      end();
      if (typing.ended === 'interrupt') process.exit(exitCodes.interrupted);
      // Typed ahead: it answers the next question.
      if (typing.rest !== '') stdin.unshift(typing.rest);
      resolve(typed);
    };
    stdin.on('data', take);
    stdin.resume();
  });
}

interface Typing {
  line: string;
  echo: string;
  /** Undefined while more is to come. */
  ended: 'enter' | 'interrupt' | undefined;
  /** What came after the end. */
  rest: string;
}

const keys = { interrupt: '\x03', end: '\x04', clear: '\x15' } as const;
const erasers = ['\x7f', '\b'];
const enders = ['\r', '\n', keys.end, keys.interrupt];
/** Arrow keys and their like are no part of an answer. */
const escapeSequence = /\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])/g;
const eraseOne = '\b \b';

/** What a line becomes by what is typed next; a paste comes as one chunk. */
export function typeInto(before: string, chunk: string): Typing {
  const typed = Array.from(chunk.replace(escapeSequence, '').replaceAll('\r\n', '\r'));
  const line = Array.from(before);
  let echo = '';
  for (const [at, key] of typed.entries()) {
    if (enders.includes(key)) {
      const ended = key === keys.interrupt ? 'interrupt' : 'enter';
      return { line: line.join(''), echo, ended, rest: typed.slice(at + 1).join('') };
    }
    if (key === keys.clear) {
      echo += eraseOne.repeat(line.length);
      line.length = 0;
    } else if (erasers.includes(key)) {
      if (line.pop() !== undefined) echo += eraseOne;
    } else if (key >= ' ') {
      line.push(key);
      echo += key;
    }
  }
  return { line: line.join(''), echo, ended: undefined, rest: '' };
}
