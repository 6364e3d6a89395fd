import { execute } from './execute.ts';
import { ExecutionError } from './execution.ts';
import type { Surroundings } from './function.ts';
import { templateFunctions } from './functions.ts';
import { TemplateError } from './lexer.ts';
import type { ParsedTemplate } from './node.ts';
import { parseTemplate } from './parser.ts';
import { Struct, type SampleRow, type Value } from './value.ts';

/** What Prometheus puts before each template, so that `$labels` and the others exist. */
const preamble =
  '{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}';

const knownFunctions: ReadonlySet<string> = new Set([...templateFunctions.keys(), 'and', 'or']);
const maxOutput = 65_536;

/** A label's or annotation's text, parsed once. */
export interface Template {
  /** Without `{{` there is nothing to do: the text itself. */
  readonly text: string;
  readonly parsed: ParsedTemplate | undefined;
}

export interface TemplateProblem {
  message: string;
  /** Offset into the template, UTF-16 units. */
  at: number;
}

export type ParseOutcome =
  { ok: true; template: Template } | { ok: false; problem: TemplateProblem };

/** Parses the text of a label or an annotation of an alerting rule. */
export function parseRuleTemplate(text: string): ParseOutcome {
  if (!text.includes('{{')) return { ok: true, template: { text, parsed: undefined } };
  try {
    return {
      ok: true,
      template: {
        text,
        parsed: parseTemplate(preamble + text, knownFunctions),
      },
    };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const at = Math.max(0, error.at - preamble.length);
    return { ok: false, problem: { message: error.message, at } };
  }
}

export interface TemplateData {
  /** Of the query's row, `__name__` included, before the rule's own labels. */
  labels: ReadonlyMap<string, string>;
  externalLabels: ReadonlyMap<string, string>;
  externalUrl: string;
  value: number;
}

export interface ExpandContext {
  alertName: string;
  data: TemplateData;
  /** Evaluation time, milliseconds since the epoch. */
  atMs: number;
  /** Answers asked for so far, by query text. */
  answers: ReadonlyMap<string, readonly SampleRow[] | Error>;
}

export type ExpandOutcome =
  | { kind: 'text'; text: string }
  /** The alert fires with this text in the place of what was wanted. */
  | { kind: 'failed'; text: string }
  /** Ask this, put the answer into `answers`, and expand again. */
  | { kind: 'needs-query'; query: string };

class NeedsQuery extends Error {
  override readonly name = 'NeedsQuery';
  readonly query: string;
  constructor(query: string) {
    super('needs a query');
    this.query = query;
  }
}

/** Expands without I/O; byte-equal to Prometheus, its error texts included. */
export function expandTemplate({ text, parsed }: Template, context: ExpandContext): ExpandOutcome {
  if (!parsed) return { kind: 'text', text };
  const { data, atMs, answers, alertName } = context;
  const surroundings: Surroundings = {
    atMs,
    externalUrl: data.externalUrl,
    query: (query) => {
      const answer = answers.get(query);
      if (answer === undefined) throw new NeedsQuery(query);
      if (answer instanceof Error) throw new Error(answer.message);
      return answer;
    },
  };
  const fields = new Map<string, Value>([
    ['Labels', data.labels],
    ['ExternalLabels', data.externalLabels],
    ['ExternalURL', data.externalUrl],
    ['Value', data.value],
  ]);
  const struct = new Struct(
    'struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }',
    fields,
  );
  try {
    const output = execute({
      template: parsed,
      functions: templateFunctions,
      surroundings,
      data: struct,
      maxOutput,
    });
    return { kind: 'text', text: output };
  } catch (error) {
    if (error instanceof NeedsQuery) return { kind: 'needs-query', query: error.query };
    if (error instanceof ExecutionError)
      return { kind: 'failed', text: goMessage(error, text, alertName) };
    throw error;
  }
}

function goMessage(error: ExecutionError, text: string, alertName: string): string {
  const name = `__alert_${alertName}`;
  const before = (preamble + text).slice(0, error.at);
  const lines = before.split('\n');
  const column = Buffer.byteLength(lines.at(-1) ?? '');
  const inside = error.definition ?? name;
  const where = `template: ${name}:${lines.length}:${column}: executing ${JSON.stringify(inside)} at <${error.context}>`;
  return `<error expanding template: error executing template ${name}: ${where}: ${error.message}>`;
}
