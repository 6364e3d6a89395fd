import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { GaugewayError, messageOf } from '../platform/index.ts';
import { formatProblem, parseRules, type RuleGroup } from '../rules/index.ts';

/**
 * The rule files that a test file names, relative to it, with `*`, `?` and `[…]` in their names (Go's filepath.Glob).
 * What names no file is a warning, as in promtool.
 */
export function resolveRuleFiles(
  testFile: string,
  patterns: readonly string[],
  warn: (message: string) => void,
): string[] {
  return patterns.flatMap((pattern) => {
    const path = isAbsolute(pattern) ? pattern : join(dirname(testFile), pattern);
    const files = glob(path);
    if (files.length === 0) warn(`no file match pattern ${pattern}`);
    return files;
  });
}

function glob(path: string): string[] {
  if (!/[*?[]/.test(path)) return existsSync(path) ? [path] : [];
  const folder = dirname(path);
  const folders = /[*?[]/.test(folder) ? glob(folder) : [folder];
  const name = patternOf(basename(path));
  return folders.flatMap((one) =>
    namesIn(one)
      .filter((candidate) => name.test(candidate))
      .map((found) => join(one, found)),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function patternOf(name: string): RegExp {
  const source = name.replace(/\[[^\]]*\]|[*?]|[.+^${}()|\\]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return part.startsWith('[') ? part : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}

/** All groups of the files. BAD_REQUEST lists what is wrong with them. */
export function loadGroups(files: readonly string[]): RuleGroup[] {
  const read = files.map((file) => parseRules(textOf(file), file));
  const problems = read.flatMap((one) => one.problems);
  if (problems.length > 0) {
    throw new GaugewayError('BAD_REQUEST', problems.map(formatProblem).join('\n'));
  }
  return read.flatMap(({ groups }) => groups);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new GaugewayError('BAD_REQUEST', `${file}: ${messageOf(error)}`, { cause: error });
  }
}
