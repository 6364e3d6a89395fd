import type { SampleRow, Value } from './value.ts';

/** What a call may ask of its surroundings. */
export interface Surroundings {
  /** Milliseconds since the epoch: the evaluation's time. */
  atMs: number;
  externalUrl: string;
  /** Rows at the evaluation's time. */
  query: (text: string) => readonly SampleRow[];
}

/** Type that an argument must have; `any` takes all. */
export type ParameterType = 'any' | 'string' | 'sample' | 'result';

export interface TemplateFunction {
  parameters: readonly ParameterType[];
  /** Of each argument after `parameters`; absent where there may be none. */
  rest?: ParameterType;
  /** Throws an Error with the text that Go's function returns as its error. */
  call: (args: readonly Value[], surroundings: Surroundings) => Value;
}
