import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GaugewayError, parseYamlDocuments, type ParsedYaml } from '../platform/index.ts';
import { FileReader } from './fields.ts';
import type { Problem } from './problem.ts';
import { readProductFile } from './product-dialect.ts';
import { readPrometheusFile } from './prometheus-dialect.ts';
import type { RuleFile } from './rule.ts';

/** Prometheus's own test files use three; a thousand is far from a memory bomb. */
const maxAliases = 1000;

/**
 * Reads the rules of one file, of Prometheus's dialect or the product's own, several documents included. Never throws
 * for what the file says: everything wrong in it is a problem with its place, and a file with problems is not for use.
 */
export function parseRules(text: string, file: string): RuleFile {
  const documents = documentsOf(text, file);
  if ('problem' in documents) return { groups: [], problems: [documents.problem] };
  const files = documents.map((yaml): RuleFile => {
    const reader = new FileReader(file, text, yaml);
    const groups = isProductFile(yaml.value) ? readProductFile(reader) : readPrometheusFile(reader);
    return { groups, problems: reader.problems };
  });
  return {
    groups: files.flatMap(({ groups }) => groups),
    problems: files.flatMap(({ problems }) => problems),
  };
}

function documentsOf(text: string, file: string): ParsedYaml[] | { problem: Problem } {
  try {
    return parseYamlDocuments(text, file, { maxAliases, scalars: 'text' });
  } catch (error) {
    if (!(error instanceof GaugewayError)) throw error;
    const { line, column } = error.details as {
      line?: number;
      column?: number;
    };
    const [first = '', ...excerpt] = error.message.split('\n');
    const message = first.replace(/^.*?:\d+:\d+: /, '');
    const position = { line: line ?? 1, column: column ?? 1 };
    return {
      problem: { file, position, message, excerpt: excerpt.join('\n') },
    };
  }
}

function isProductFile(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return 'rules' in value && !('groups' in value) && !('kind' in value);
}

/** Not rules: the list of metric names, and tests of rules. */
const otherFiles = /^whitelist\.ya?ml$|[._]test\.ya?ml$/;

/** The rule files of a folder by name, without its sub-folders. */
export function listRuleFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /\.(?:ya?ml|rules)$/.test(name) && !otherFiles.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** Everything in a folder; one group's name may stand in several files. */
export function loadRules(folder: string): RuleFile {
  const files = listRuleFiles(folder).map((file) => parseRules(readFileSync(file, 'utf8'), file));
  return {
    groups: files.flatMap(({ groups }) => groups),
    problems: files.flatMap(({ problems }) => problems),
  };
}
