import { fileURLToPath } from 'node:url';
import { processTerminal, runProgram, type ExitCode } from './cli/index.ts';
import packageJson from '../package.json' with { type: 'json' };

/** The `gaugeway` command: `bin/gaugeway.js` and `bin/start.js` call it with their words. */
export function main(argv: readonly string[]): Promise<ExitCode> {
  // The reader of our output may die before we do; what is still to be stopped must be stopped.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return runProgram(argv, packageJson.version, {
    ...processTerminal(),
    agentScript: fileURLToPath(new URL('./gaugeway-agent.js', import.meta.url)),
    installFolder: fileURLToPath(new URL('./install', import.meta.url)),
    pdfScript: fileURLToPath(new URL('./pdf-thread.js', import.meta.url)),
    migrationsDir: fileURLToPath(new URL('./migrations', import.meta.url)),
  });
}
