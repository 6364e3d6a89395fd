import { fileURLToPath } from 'node:url';
import { runProgram, type ExitCode } from './cli/index.ts';
import packageJson from '../package.json' with { type: 'json' };

/** The `gaugeway` command: `bin/gaugeway.js` and `bin/start.js` call it with their words. */
export function main(argv: readonly string[]): Promise<ExitCode> {
  return runProgram(argv, packageJson.version, {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    agentScript: fileURLToPath(new URL('./gaugeway-agent.js', import.meta.url)),
  });
}
