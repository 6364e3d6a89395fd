/** The tree of a parsed template. `at` is an offset into the whole text, definitions included. */
export interface Pipe {
  at: number;
  /** Names without `$`'s meaning: as written, `$x`. */
  variables: readonly string[];
  /** `=` on an existing variable, `:=` otherwise. */
  assigns: boolean;
  commands: readonly Command[];
}

export interface Command {
  at: number;
  args: readonly Argument[];
}

export type Argument =
  | { kind: 'string'; at: number; text: string; value: string }
  | { kind: 'number'; at: number; text: string; value: number | bigint }
  | { kind: 'bool'; at: number; value: boolean }
  | { kind: 'nil'; at: number }
  | { kind: 'dot'; at: number }
  | { kind: 'field'; at: number; names: readonly string[] }
  | { kind: 'variable'; at: number; name: string; names: readonly string[] }
  | { kind: 'function'; at: number; name: string }
  | { kind: 'pipe'; at: number; pipe: Pipe }
  | { kind: 'chain'; at: number; base: Argument; names: readonly string[] };

export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'action'; at: number; pipe: Pipe }
  | {
      kind: 'branch';
      word: 'if' | 'with' | 'range';
      at: number;
      pipe: Pipe;
      body: readonly Node[];
      otherwise: readonly Node[];
    }
  | { kind: 'template'; at: number; name: string; pipe: Pipe | undefined }
  | { kind: 'jump'; word: 'break' | 'continue'; at: number };

export interface ParsedTemplate {
  body: readonly Node[];
  definitions: ReadonlyMap<string, readonly Node[]>;
}

/** A part of the tree as Go prints it in `at <…>` of its messages. */
export function printArgument(argument: Argument): string {
  switch (argument.kind) {
    case 'string':
    case 'number':
      return argument.text;
    case 'bool':
      return String(argument.value);
    case 'nil':
      return 'nil';
    case 'dot':
      return '.';
    case 'field':
      return argument.names.map((name) => `.${name}`).join('');
    case 'variable':
      return [argument.name, ...argument.names].join('.');
    case 'function':
      return argument.name;
    case 'pipe':
      return `(${printPipe(argument.pipe)})`;
    case 'chain':
      return printArgument(argument.base) + argument.names.map((name) => `.${name}`).join('');
  }
}

export function printCommand({ args }: Command): string {
  return args.map(printArgument).join(' ');
}

export function printPipe({ variables, assigns, commands }: Pipe): string {
  const head = variables.length === 0 ? '' : `${variables.join(', ')} ${assigns ? '=' : ':='} `;
  return head + commands.map(printCommand).join(' | ');
}
