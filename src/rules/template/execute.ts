import { ExecutionError, type Execution } from './execution.ts';
import type { ParameterType, TemplateFunction } from './function.ts';
import { compareBytes, printed } from './format.ts';
import {
  printArgument,
  printCommand,
  type Argument,
  type Command,
  type Node,
  type Pipe,
} from './node.ts';
import { isMap, isSlice, isTrue, Sample, Struct, typeName, type Value } from './value.ts';

/** Runs a template over its data. Throws ExecutionError. */
export function execute(execution: Execution): string {
  const machine = new Machine(execution);
  machine.run(execution.template.body, execution.data);
  return machine.output;
}

type Jump = 'break' | 'continue' | undefined;

/** Recursive `define`s end here; Go allows 100,000, which no alert needs. */
const maxCalls = 200;
const maxSteps = 200_000;

const wanted: Readonly<Record<ParameterType, string>> = {
  any: 'interface {}',
  string: 'string',
  sample: '*template.sample',
  result: 'template.queryResult',
};

class Machine {
  output = '';
  private readonly execution: Execution;
  private variables: { name: string; value: Value }[] = [];
  private definition: string | undefined;
  private calls = 0;
  private steps = 0;

  constructor(execution: Execution) {
    this.execution = execution;
  }

  run(nodes: readonly Node[], dot: Value): void {
    const outside = this.variables;
    this.variables = [{ name: '$', value: dot }];
    this.list(nodes, dot);
    this.variables = outside;
  }

  private fail(message: string, at: number, context: string): never {
    throw new ExecutionError(message, {
      at,
      context,
      definition: this.definition,
    });
  }

  private list(nodes: readonly Node[], dot: Value): Jump {
    for (const node of nodes) {
      const jump = this.node(node, dot);
      if (jump) return jump;
    }
    return undefined;
  }

  private write(text: string, at: number): void {
    this.output += text;
    if (this.output.length > this.execution.maxOutput)
      this.fail('output is too long', at, 'output');
    if (++this.steps > maxSteps) this.fail('template takes too many steps', at, 'range');
  }

  private node(node: Node, dot: Value): Jump {
    switch (node.kind) {
      case 'text':
        this.write(node.text, 0);
        return undefined;
      case 'action': {
        const value = this.pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.write(printed(value), node.at);
        return undefined;
      }
      case 'branch': {
        const mark = this.variables.length;
        const jump = node.word === 'range' ? this.range(node, dot) : this.choice(node, dot);
        this.variables.length = mark;
        return jump;
      }
      case 'template':
        this.invoke(node, dot);
        return undefined;
      case 'jump':
        return node.word;
    }
  }

  private choice(node: Extract<Node, { kind: 'branch' }>, dot: Value): Jump {
    const value = this.pipe(node.pipe, dot);
    if (isTrue(value)) return this.list(node.body, node.word === 'with' ? value : dot);
    return this.list(node.otherwise, dot);
  }

  private range(node: Extract<Node, { kind: 'branch' }>, dot: Value): Jump {
    const pipe = { ...node.pipe, variables: [] };
    const value = this.pipe(pipe, dot);
    const items = this.items(value, node);
    if (items.length === 0) return this.list(node.otherwise, dot);
    for (const [key, item] of items) {
      const mark = this.variables.length;
      if (++this.steps > maxSteps) this.fail('template takes too many steps', node.at, 'range');
      const names = node.pipe.variables;
      const values = names.length === 2 ? [key, item] : [item];
      names.forEach((name, index) => this.bind(name, values[index] ?? null, node.pipe.assigns));
      const jump = this.list(node.body, item);
      this.variables.length = mark;
      if (jump === 'break') break;
    }
    return undefined;
  }

  private items(
    value: Value,
    node: Extract<Node, { kind: 'branch' }>,
  ): (readonly [Value, Value])[] {
    if (value === null) return [];
    if (isSlice(value)) return value.map((item, index) => [BigInt(index), item]);
    if (isMap(value)) {
      return [...value].sort(([a], [b]) => compareBytes(a, b));
    }
    const context = node.pipe.commands.map(printCommand).join(' | ');
    return this.fail(`range can't iterate over ${printed(value)}`, node.pipe.at, context);
  }

  private invoke(node: Extract<Node, { kind: 'template' }>, dot: Value): void {
    const body = this.execution.template.definitions.get(node.name);
    const context = `{{template "${node.name}"}}`;
    if (!body) this.fail(`template "${node.name}" not defined`, node.at, context);
    if (++this.calls > maxCalls) this.fail('exceeded maximum template depth', node.at, context);
    const data = node.pipe ? this.pipe(node.pipe, dot) : null;
    const outside = this.definition;
    this.definition = node.name;
    this.run(body, data);
    this.definition = outside;
    this.calls--;
  }

  private bind(name: string, value: Value, assigns: boolean): void {
    const known = assigns ? this.variables.findLast((one) => one.name === name) : undefined;
    if (known) known.value = value;
    else this.variables.push({ name, value });
  }

  private pipe(pipe: Pipe, dot: Value): Value {
    let value: Value | undefined;
    for (const command of pipe.commands) value = this.command(command, dot, value);
    const result = value ?? null;
    for (const name of pipe.variables) this.bind(name, result, pipe.assigns);
    return result;
  }

  private command(command: Command, dot: Value, final: Value | undefined): Value {
    const [first] = command.args;
    if (first === undefined) return null;
    if (first.kind === 'function') return this.call(first, command, dot, final);
    const value = this.argument(first, dot);
    if (command.args.length > 1 || final !== undefined) this.notAFunction(first, value);
    return value;
  }

  private notAFunction(first: Argument, value: Value): never {
    const text = printArgument(first);
    if (
      first.kind === 'field' ||
      first.kind === 'chain' ||
      (first.kind === 'variable' && first.names.length > 0)
    ) {
      const name = first.names.at(-1) ?? '';
      this.fail(`${name} is not a method but has arguments`, first.at, text);
    }
    const shown = first.kind === 'nil' ? 'nil' : text;
    this.fail(
      `can't give argument to non-function ${value === null ? 'nil' : shown}`,
      first.at,
      text,
    );
  }

  private call(
    { name, at }: Extract<Argument, { kind: 'function' }>,
    command: Command,
    dot: Value,
    final: Value | undefined,
  ): Value {
    const given = command.args.slice(1);
    if (name === 'and' || name === 'or') return this.shortCircuit(name, command, dot, final);
    const known = this.execution.functions.get(name);
    if (!known) this.fail(`"${name}" is not a defined function`, at, name);
    this.checkCount(name, known, given.length + (final === undefined ? 0 : 1), at);
    const types = (index: number): ParameterType => known.parameters[index] ?? known.rest ?? 'any';
    const args = given.map((argument, index) => this.typedArgument(argument, types(index), dot));
    if (final !== undefined) {
      this.checkType(final, types(args.length), command.at, printCommand(command));
      args.push(final);
    }
    try {
      return known.call(args, this.execution.surroundings);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof ExecutionError || error.name !== 'Error')
        throw error;
      return this.fail(
        `error calling ${name}: ${error.message}`,
        command.at,
        printCommand(command),
      );
    }
  }

  private checkCount(name: string, known: TemplateFunction, got: number, at: number): void {
    const least = known.parameters.length;
    if (known.rest !== undefined && got < least) {
      this.fail(`wrong number of args for ${name}: want at least ${least} got ${got}`, at, name);
    }
    if (known.rest === undefined && got !== least) {
      this.fail(`wrong number of args for ${name}: want ${least} got ${got}`, at, name);
    }
  }

  private shortCircuit(
    name: 'and' | 'or',
    command: Command,
    dot: Value,
    final: Value | undefined,
  ): Value {
    const [first, ...given] = command.args;
    if (given.length === 0 && final === undefined) {
      this.fail(
        `wrong number of args for ${name}: want at least 1 got 0`,
        first?.at ?? command.at,
        name,
      );
    }
    let value: Value = null;
    for (const argument of given) {
      value = this.argument(argument, dot);
      if (isTrue(value) === (name === 'or')) return value;
    }
    return final ?? value;
  }

  private typedArgument(argument: Argument, type: ParameterType, dot: Value): Value {
    const literal = ['string', 'number', 'bool'].includes(argument.kind);
    if (type !== 'any' && literal && argument.kind !== type) {
      const found = printArgument(argument);
      const message =
        type === 'string'
          ? `expected string; found ${found}`
          : `can't handle ${found} for arg of type ${wanted[type]}`;
      this.fail(message, argument.at, found);
    }
    const value = argument.kind === 'nil' ? null : this.argument(argument, dot);
    this.checkType(value, type, argument.at, printArgument(argument));
    return value;
  }

  private checkType(value: Value, type: ParameterType, at: number, context: string): void {
    const fits =
      type === 'any' ||
      (type === 'string' && typeof value === 'string') ||
      (type === 'sample' && value instanceof Sample) ||
      (type === 'result' && isSlice(value));
    if (fits) return;
    if (value === null) this.fail(`invalid value; expected ${wanted[type]}`, at, context);
    this.fail(
      `wrong type for value; expected ${wanted[type]}; got ${typeName(value)}`,
      at,
      context,
    );
  }

  private argument(argument: Argument, dot: Value): Value {
    switch (argument.kind) {
      case 'string':
      case 'number':
      case 'bool':
        return argument.value;
      case 'nil':
        return this.fail('nil is not a command', argument.at, 'nil');
      case 'dot':
        return dot;
      case 'field':
        return this.fields(dot, argument.names, argument);
      case 'variable':
        return this.fields(this.variable(argument.name), argument.names, argument);
      case 'function':
        return this.call(argument, { at: argument.at, args: [argument] }, dot, undefined);
      case 'pipe':
        return this.pipe(argument.pipe, dot);
      case 'chain':
        return this.fields(this.argument(argument.base, dot), argument.names, argument);
    }
  }

  private variable(name: string): Value {
    return this.variables.findLast((one) => one.name === name)?.value ?? null;
  }

  private fields(start: Value, names: readonly string[], argument: Argument): Value {
    let value = start;
    for (const name of names) value = this.field(value, name, argument);
    return value;
  }

  private field(value: Value, name: string, argument: Argument): Value {
    if (isMap(value))
      return value.get(name) ?? (typeName(value) === 'map[string]string' ? '' : null);
    if (value instanceof Sample && name === 'Labels') return value.labels;
    if (value instanceof Sample && name === 'Value') return value.value;
    const found = value instanceof Struct ? value.fields.get(name) : undefined;
    if (found !== undefined) return found;
    const context = printArgument(argument);
    if (value === null)
      return this.fail(`nil data; no entry for key "${name}"`, argument.at, context);
    return this.fail(
      `can't evaluate field ${name} in type ${typeName(value)}`,
      argument.at,
      context,
    );
  }
}
