import { GaugewayError, type ParsedYaml } from '../platform/index.ts';
import { FileReader } from './fields.ts';
import { underline, type Problem } from './problem.ts';
import { readProductRule } from './product-dialect.ts';
import type { AlertingRule } from './rule.ts';

/** A rule as it was posted: the fields of one rule of the product's schema, without `id` and `enabled`. */
export type RuleSpec = Readonly<Record<string, unknown>>;

/** What is wrong in one field of a posted rule. */
export interface FieldProblem {
  /** `expression`, `labels.team`; empty for the rule itself. */
  field: string;
  message: string;
  /** The field's text with the spot underlined, where there is one. */
  excerpt?: string;
}

export type ApiRuleOutcome =
  { ok: true; rule: AlertingRule } | { ok: false; problems: readonly FieldProblem[] };

/** The file that rules made by API are said to stand in. */
export const apiFile = 'api';

/** Deeper than any rule; what is nested deeper is no rule. */
const maxDepth = 8;

/**
 * Reads a rule that was made by API, by the same words as rule files. Never throws for what the rule says. Numbers and
 * booleans are read as their text; `null` is an absent field.
 */
export function parseApiRule(id: string, spec: RuleSpec, enabled = true): ApiRuleOutcome {
  let value: unknown;
  try {
    value = { ...(asTexts(spec, 0) as object), id, enabled: String(enabled) };
  } catch (error) {
    if (!(error instanceof GaugewayError)) throw error;
    return { ok: false, problems: [{ field: '', message: error.message }] };
  }
  const reader = new FileReader(apiFile, '', withoutPlaces(value));
  const rule = readProductRule(reader, [], value);
  if (reader.problems.length === 0) return { ok: true, rule };
  return { ok: false, problems: reader.problems.map((problem) => toFieldProblem(problem, value)) };
}

/** A JSON body has no lines that its author knows of: a problem is placed by its field. */
const withoutPlaces = (value: unknown): ParsedYaml => ({
  value,
  positionOf: () => undefined,
  positionInScalar: () => ({ line: 1, column: 1 }),
});

function asTexts(value: unknown, depth: number): unknown {
  if (depth > maxDepth) throw new GaugewayError('BAD_REQUEST', 'nested too deeply');
  if (Array.isArray(value)) return value.map((item) => asTexts(item, depth + 1));
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, held]) => held !== null && held !== undefined);
  return Object.fromEntries(entries.map(([key, held]) => [key, asTexts(held, depth + 1)]));
}

function toFieldProblem(problem: Problem, value: unknown): FieldProblem {
  const { path = [], offset } = problem;
  const field = path.join('.');
  // Where it stands is said once: not again as in a file, where a line may hold many rules.
  const { name } = value as { name?: unknown };
  const [inRule, inField] = [`rule "${String(name)}": `, `${field}: `];
  const message = without(inField, without(inRule, problem.message));
  if (offset === undefined) return { field, message };
  let text = value;
  for (const key of path) text = (text as Record<string, unknown>)[key];
  const before = String(text).slice(0, offset).split('\n');
  const position = { line: before.length, column: (before.at(-1) ?? '').length + 1 };
  return { field, message, excerpt: underline(String(text), position) };
}

const without = (prefix: string, text: string): string =>
  text.startsWith(prefix) ? text.slice(prefix.length) : text;
