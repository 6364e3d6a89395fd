import { readFileSync, statSync } from 'node:fs';
import { GaugewayError, messageOf } from '../../platform/index.ts';
import { formatProblem, listRuleFiles, parseRules, type RuleGroup } from '../../rules/index.ts';

export interface CheckOptions {
  json?: boolean;
}

interface Checked {
  file: string;
  rules: number;
  problems: { line: number; column: number; message: string }[];
  /** Of rules that are the same but for their place, which is allowed and hardly meant. */
  duplicates: string[];
}

/** True where no file has a mistake. Folders stand for the rule files in them. */
export function checkRules(
  paths: readonly string[],
  options: CheckOptions,
  terminal: { out: (text: string) => void; err: (text: string) => void },
): boolean {
  const checked = paths.flatMap(filesOf).map((file) => {
    const result = parseRules(readFileSync(file, 'utf8'), file);
    const one: Checked = {
      file,
      rules: result.groups.reduce((sum, { rules }) => sum + rules.length, 0),
      problems: result.problems.map(({ position, message }) => ({ ...position, message })),
      duplicates: duplicatesOf(result.groups),
    };
    if (!options.json) print(one, result.problems.map(formatProblem), terminal);
    return one;
  });
  if (options.json) terminal.out(`${JSON.stringify(checked, null, 2)}\n`);
  return checked.every(({ problems }) => problems.length === 0);
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return listRuleFiles(path).filter((file) => !isTestFile(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new GaugewayError('BAD_REQUEST', messageOf(error));
  }
}

/** Tests often stand beside the rules that they test. */
const isTestFile = (text: string): boolean => /^(?:rule_files|tests):/m.test(text);

function print(
  { file, rules, duplicates }: Checked,
  problems: readonly string[],
  terminal: { out: (text: string) => void; err: (text: string) => void },
): void {
  terminal.out(`Checking ${file}\n`);
  if (problems.length > 0) terminal.err(`  FAILED:\n${problems.join('\n')}\n`);
  else terminal.out(`  SUCCESS: ${rules} rules found\n`);
  if (duplicates.length > 0) {
    terminal.out(`  ${duplicates.length} duplicate rule(s): ${duplicates.join(', ')}\n`);
  }
  terminal.out('\n');
}

function duplicatesOf(groups: readonly RuleGroup[]): string[] {
  const seen = new Set<string>();
  return groups.flatMap(({ rules }) =>
    rules.flatMap((rule) => {
      const labels = [...rule.labels].map(([name, text]) => [
        name,
        typeof text === 'string' ? text : text.text,
      ]);
      const id = JSON.stringify([rule.name, labels.sort()]);
      const isThere = seen.has(id);
      seen.add(id);
      return isThere ? [rule.name] : [];
    }),
  );
}
