import { spawn } from 'node:child_process';

export interface Said {
  code: number | null;
  out: string;
  err: string;
}

interface Given {
  env?: Record<string, string | undefined>;
  stdin?: string;
  /** In place of `stdin`: what is typed when the output asks for it, in this order. */
  answers?: readonly (readonly [question: string, answer: string])[];
  /** Called with the pid once the command runs. */
  onStart?: (pid: number) => void;
}

/** One command line, run as a user runs it. */
export function gaugeway(args: readonly string[], given: Given = {}): Promise<Said> {
  return runProcess(process.execPath, ['bin/gaugeway.js', ...args], given);
}

/** The variables of whoever runs the tests are none of the command's. */
const foreign = ['GAUGEWAY_URL', 'GAUGEWAY_KEY', 'GAUGEWAY_KEY_FILE', 'GAUGEWAY_CA_FILE'];

export function runProcess(
  command: string,
  args: readonly string[],
  { env = {}, stdin = '', answers, onStart }: Given = {},
): Promise<Said> {
  const own = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !foreign.includes(name)),
  );
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...own, ...env } });
    let [out, err] = ['', ''];
    const open = [...(answers ?? [])];
    let answered = 0;
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString();
      const [next] = open;
      const asked = next ? out.indexOf(next[0], answered) : -1;
      if (!next || asked < 0) return;
      answered = asked + next[0].length;
      open.shift();
      child.stdin.write(next[1]);
    });
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    child.once('error', reject);
    // A checkout builds itself when it has changed.
    child.once('close', (code) => resolve({ code, out, err: err.replace('building …\n', '') }));
    child.stdin.on('error', () => undefined);
    if (!answers) child.stdin.end(stdin);
    if (child.pid !== undefined) onStart?.(child.pid);
  });
}
