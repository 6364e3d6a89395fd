import type { YamlPath, YamlPosition } from '../platform/index.ts';

/** Something wrong in a rule file, with the place to look at. */
export interface Problem {
  file: string;
  /** One-based. */
  position: YamlPosition;
  /** `group "g", rule 3, "Name": …`, as Prometheus words it. */
  message: string;
  /** The line with the spot underlined. */
  excerpt: string;
  /** What in the file it is about; absent where the file is no YAML. */
  path?: YamlPath;
  /** Into the text at `path`, UTF-16 units, where one character is meant. */
  offset?: number;
}

/** `FILE:LINE:COLUMN: message`, the line, and a caret below it. */
export function formatProblem({ file, position, message, excerpt }: Problem): string {
  return `${file}:${position.line}:${position.column}: ${message}\n${excerpt}`;
}

/** The line at a position with `^` below it; tabs keep the caret in its column. */
export function underline(text: string, { line, column }: YamlPosition, length = 1): string {
  const source = text.split('\n')[line - 1] ?? '';
  const margin = `${line} | `;
  const before = source.slice(0, column - 1).replace(/[^\t]/g, ' ');
  const carets = '^'.repeat(Math.max(1, Math.min(length, source.length - column + 1)));
  return `  ${margin}${source}\n  ${' '.repeat(margin.length)}${before}${carets}`;
}
