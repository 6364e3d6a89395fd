import { readFileSync } from 'node:fs';
import { GaugewayError, messageOf } from '../../platform/index.ts';
import {
  formatProblem,
  parseRules,
  toProductFile,
  toPrometheusFile,
  type RuleGroup,
} from '../../rules/index.ts';

const defaultIntervalMs = 30_000;

export interface ConvertOptions {
  to: string;
}

/** Prints the rules of a file in the other dialect; what that cannot say goes to standard error. */
export function convertRules(
  file: string,
  { to }: ConvertOptions,
  terminal: { out: (text: string) => void; err: (text: string) => void },
): void {
  const groups = readGroups(file);
  if (to !== 'prometheus' && to !== 'gaugeway') {
    throw new GaugewayError('BAD_REQUEST', `--to: expected prometheus or gaugeway, not "${to}"`);
  }
  const { text, notes } =
    to === 'prometheus' ? toPrometheusFile(groups, defaultIntervalMs) : toProductFile(groups);
  terminal.out(text);
  for (const note of notes) terminal.err(`note: ${note}\n`);
}

/** BAD_REQUEST lists what is wrong with the file. */
export function readGroups(file: string): readonly RuleGroup[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new GaugewayError('BAD_REQUEST', messageOf(error), { cause: error });
  }
  const { groups, problems } = parseRules(text, file);
  if (problems.length > 0) {
    throw new GaugewayError('BAD_REQUEST', problems.map(formatProblem).join('\n'));
  }
  return groups;
}
