import type { Surroundings, TemplateFunction } from './function.ts';
import type { ParsedTemplate } from './node.ts';
import type { Value } from './value.ts';

/** A template that parsed and failed; `at` and `context` say where, as Go's message does. */
export class ExecutionError extends Error {
  override readonly name = 'ExecutionError';
  readonly at: number;
  readonly context: string;
  /** The `define` in which it happened; undefined for the template itself. */
  readonly definition: string | undefined;
  constructor(
    message: string,
    where: { at: number; context: string; definition: string | undefined },
  ) {
    super(message);
    this.at = where.at;
    this.context = where.context;
    this.definition = where.definition;
  }
}

export interface Execution {
  template: ParsedTemplate;
  functions: ReadonlyMap<string, TemplateFunction>;
  surroundings: Surroundings;
  data: Value;
  /** Characters; a template that writes more fails. */
  maxOutput: number;
}
