import { readFileSync } from 'node:fs';
import { runTestFile, type FileResult } from '../../rule-tests/index.ts';
import { GaugewayError, messageOf } from '../../platform/index.ts';
import { startTestStorage } from './test-storage.ts';

export interface TestOptions {
  run?: string;
  json?: boolean;
}

/** True where every test holds. Prints as `promtool test rules` does, to standard output and error. */
export async function testRules(
  files: readonly string[],
  options: TestOptions,
  terminal: { out: (text: string) => void; err: (text: string) => void },
): Promise<boolean> {
  const only = options.run === undefined ? {} : { only: patternOf(options.run) };
  const storage = await startTestStorage();
  let scopes = 0;
  const results: FileResult[] = [];
  try {
    for (const file of files) {
      const result = await runTestFile(file, textOf(file), {
        ...{ storage, newScope: () => String((scopes += 1)) },
        ...only,
      });
      results.push(result);
      if (!options.json) print(result, terminal);
    }
  } finally {
    await storage.stop();
  }
  if (options.json) terminal.out(`${JSON.stringify(results, null, 2)}\n`);
  return results.every(({ groups }) => groups.every(({ failures }) => failures.length === 0));
}

function print(
  { file, warnings, groups }: FileResult,
  terminal: { out: (text: string) => void; err: (text: string) => void },
): void {
  terminal.out(`Unit Testing:  ${file}\n`);
  for (const warning of warnings) terminal.err(`  WARNING: ${warning}\n`);
  const failures = groups.flatMap((group) => group.failures);
  if (failures.length === 0) terminal.out('  SUCCESS\n\n');
  else terminal.err(`  FAILED:\n${failures.join('\n')}\n\n`);
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new GaugewayError('BAD_REQUEST', `--run: ${messageOf(error)}`);
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new GaugewayError('BAD_REQUEST', `${file}: ${messageOf(error)}`);
  }
}
