import { Writable } from 'node:stream';
import type { Terminal } from '../../src/cli/index.ts';

interface Given {
  columns?: number;
  colours?: boolean;
  isWatched?: boolean;
  /** What a person answers, one after the other; none: there is nobody to ask. */
  answers?: readonly string[];
  stdin?: string;
}

/** A terminal whose words can be read, with a person at it who knows the answers. */
export function createTestTerminal(given: Given = {}) {
  let out = '';
  let err = '';
  const answers = [...(given.answers ?? [])];
  const ask = (question: string): Promise<string> => {
    err += question;
    return Promise.resolve(answers.shift() ?? '');
  };
  const terminal: Terminal = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    sink: () =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          out += chunk.toString();
          done();
        },
      }),
    columns: given.columns,
    colours: given.colours ?? false,
    isWatched: given.isWatched ?? false,
    input: {
      isTty: given.answers !== undefined,
      ask,
      askHidden: ask,
      readAll: () => Promise.resolve(given.stdin ?? ''),
    },
  };
  return { terminal, said: () => ({ out, err }) };
}
