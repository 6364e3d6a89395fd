import { unquoteGo } from './quote.ts';
import { TemplateError, tokenize, type Token } from './lexer.ts';
import {
  printArgument,
  type Argument,
  type Command,
  type Node,
  type ParsedTemplate,
  type Pipe,
} from './node.ts';

/** A list of nodes ends at `{{end}}`, at `{{else …}}`, or with the text. */
type ListEnd = 'end' | 'else' | 'text';

const maxDepth = 100;

/**
 * Parses a template of Go's `text/template` (Go 1.22: break, continue, else if, else with). `known` are the names of
 * functions; an unknown one is an error here, not when it is met. Throws TemplateError.
 */
export function parseTemplate(text: string, known: ReadonlySet<string>): ParsedTemplate {
  return new Parser(text, known).whole();
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly known: ReadonlySet<string>;
  private readonly definitions = new Map<string, readonly Node[]>();
  private position = 0;
  private variables: string[] = ['$'];
  private loops = 0;
  private depth = 0;

  constructor(text: string, known: ReadonlySet<string>) {
    this.tokens = tokenize(text);
    this.known = known;
  }

  whole(): ParsedTemplate {
    const { nodes, end, at } = this.list(true);
    if (end !== 'text') this.fail(`unexpected {{${end}}}`, at);
    return { body: nodes, definitions: this.definitions };
  }

  private fail(message: string, at = this.peek().start): never {
    throw new TemplateError(message, at);
  }

  private peek(): Token {
    return this.tokens[this.position]!;
  }

  private take(): Token {
    return this.tokens[this.position++]!;
  }

  private skipSpace(): Token {
    while (this.peek().kind === 'space') this.position++;
    return this.peek();
  }

  private list(top: boolean): { nodes: Node[]; end: ListEnd; at: number } {
    if (++this.depth > maxDepth) this.fail('nested too deeply');
    const nodes: Node[] = [];
    for (;;) {
      const token = this.take();
      if (token.kind === 'end') {
        if (!top) this.fail('unexpected EOF', token.start);
        return { nodes, end: 'text', at: token.start };
      }
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text });
        continue;
      }
      const word = this.skipSpace();
      if (word.text === 'end' || word.text === 'else') {
        this.take();
        this.depth--;
        return { nodes, end: word.text, at: word.start };
      }
      const node = this.action(word, top);
      if (node) nodes.push(node);
    }
  }

  private close(context: string): void {
    const token = this.skipSpace();
    if (token.kind !== 'close') this.fail(`unexpected ${describe(token)} in ${context}`);
    this.take();
  }

  private action(word: Token, top: boolean): Node | undefined {
    const at = word.start;
    if (word.kind === 'identifier') {
      switch (word.text) {
        case 'if':
        case 'with':
        case 'range':
          this.take();
          return this.branch(word.text, at);
        case 'define':
          this.take();
          this.define(top, at);
          return undefined;
        case 'template':
          this.take();
          return this.invocation();
        case 'block':
          return this.fail('block is not supported: write define and template');
        case 'break':
        case 'continue':
          this.take();
          if (this.loops === 0) this.fail(`{{${word.text}}} outside {{range}}`, at);
          this.close(word.text);
          return { kind: 'jump', word: word.text, at };
        default:
      }
    }
    const pipe = this.pipe('command', 'close');
    this.take();
    return { kind: 'action', at, pipe };
  }

  private branch(word: 'if' | 'with' | 'range', at: number): Node {
    const scope = this.variables.length;
    const pipe = this.pipe(word, 'close');
    this.take();
    if (word === 'range') this.loops++;
    const { nodes: body, end } = this.list(false);
    if (word === 'range') this.loops--;
    const otherwise: readonly Node[] = end === 'else' ? this.otherwise(word) : [];
    if (end === 'end') this.close('end');
    this.variables.length = scope;
    return { kind: 'branch', word, at, pipe, body, otherwise };
  }

  private otherwise(word: 'if' | 'with' | 'range'): readonly Node[] {
    const next = this.skipSpace();
    if (next.kind === 'identifier' && next.text === word && word !== 'range') {
      this.take();
      return [this.branch(word, next.start)];
    }
    this.close('else');
    const { nodes, end, at } = this.list(false);
    if (end === 'else') this.fail('expected end; found {{else}}', at);
    this.close('end');
    return nodes;
  }

  private define(top: boolean, at: number): void {
    if (!top) this.fail('unexpected {{define}}', at);
    const name = this.quotedName('define clause');
    this.close('define clause');
    const outside = this.variables;
    this.variables = ['$'];
    const { nodes, end, at: endAt } = this.list(false);
    if (end === 'else') this.fail('unexpected {{else}} in define clause', endAt);
    this.close('end');
    this.variables = outside;
    this.definitions.set(name, nodes);
  }

  private invocation(): Node {
    const at = this.skipSpace().start;
    const name = this.quotedName('template clause');
    if (this.skipSpace().kind === 'close') {
      this.take();
      return { kind: 'template', at, name, pipe: undefined };
    }
    const pipe = this.pipe('template clause', 'close');
    this.take();
    return { kind: 'template', at, name, pipe };
  }

  private quotedName(context: string): string {
    const token = this.skipSpace();
    if (token.kind !== 'string') this.fail(`unexpected ${describe(token)} in ${context}`);
    this.take();
    return this.unquoted(token);
  }

  private unquoted(token: Token): string {
    return unquoteGo(token.text) ?? this.fail('invalid syntax', token.start);
  }

  /** Up to, and without, its end: the closing delimiter or the closing parenthesis. */
  private pipe(context: string, end: 'close' | ')'): Pipe {
    const at = this.skipSpace().start;
    const declaration = this.declaration(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.skipSpace();
      if (token.kind === end || token.text === end) break;
      if (token.kind === 'end') this.fail('unclosed action');
      commands.push(this.command(commands.length > 0));
    }
    if (commands.length === 0) this.fail(`missing value for ${context}`);
    return { at, ...declaration, commands };
  }

  private declaration(context: string): {
    variables: string[];
    assigns: boolean;
  } {
    const start = this.position;
    const names: string[] = [];
    while (this.skipSpace().kind === 'variable') {
      names.push(this.take().text);
      const { text } = this.skipSpace();
      if (text === ':=' || text === '=') {
        this.take();
        for (const name of names) this.declare(name, text);
        return { variables: names, assigns: text === '=' };
      }
      if (text !== ',') break;
      if (context !== 'range' || names.length > 1) this.fail(`too many declarations in ${context}`);
      this.take();
    }
    this.position = start;
    return { variables: [], assigns: false };
  }

  private declare(name: string, by: string): void {
    if (by === ':=') this.variables.push(name);
    else this.use(name, this.peek().start);
  }

  private use(name: string, at: number): void {
    if (!this.variables.includes(name)) this.fail(`undefined variable "${name}"`, at);
  }

  private command(piped: boolean): Command {
    const at = this.peek().start;
    const args: Argument[] = [];
    for (;;) {
      const token = this.skipSpace();
      if (token.text === '|' && token.kind === 'symbol') {
        this.take();
        if (args.length === 0) this.fail('empty command');
        break;
      }
      if (token.kind === 'close' || token.kind === 'end' || token.text === ')') break;
      args.push(this.operand());
    }
    const [first] = args;
    if (piped && first && ['bool', 'dot', 'nil', 'number', 'string'].includes(first.kind)) {
      this.fail(`non executable command in pipeline stage 2`, at);
    }
    return { at, args };
  }

  private operand(): Argument {
    const base = this.term();
    const names: string[] = [];
    // Go places a chain at its first dot, and so do its messages.
    const chainAt = this.peek().start;
    while (this.peek().kind === 'field') names.push(this.take().text.slice(1));
    const next = this.peek();
    if (!['space', 'close', 'end'].includes(next.kind) && next.text !== ')' && next.text !== '|') {
      this.fail(`unexpected ${describe(next)} in operand`);
    }
    if (names.length === 0) return base;
    if (base.kind === 'field' || base.kind === 'variable') {
      return { ...base, at: chainAt, names: [...base.names, ...names] };
    }
    if (base.kind !== 'pipe' && base.kind !== 'function') {
      this.fail(`unexpected . after term "${printArgument(base)}"`, base.at);
    }
    return { kind: 'chain', at: chainAt, base, names };
  }

  private term(): Argument {
    const token = this.take();
    const at = token.start;
    switch (token.kind) {
      case 'string':
        return {
          kind: 'string',
          at,
          text: token.text,
          value: this.unquoted(token),
        };
      case 'char': {
        const code = unquoteGo(token.text)?.codePointAt(0) ?? this.fail('invalid syntax', at);
        return { kind: 'number', at, text: token.text, value: BigInt(code) };
      }
      case 'number':
        return {
          kind: 'number',
          at,
          text: token.text,
          value: this.number(token),
        };
      case 'field':
        return { kind: 'field', at, names: [token.text.slice(1)] };
      case 'variable':
        this.use(token.text, at);
        return { kind: 'variable', at, name: token.text, names: [] };
      case 'dot':
        return { kind: 'dot', at };
      case 'identifier':
        return this.word(token);
      default:
    }
    if (token.text !== '(') this.fail(`unexpected ${describe(token)} in operand`, at);
    if (++this.depth > maxDepth) this.fail('nested too deeply', at);
    const pipe = this.pipe('parenthesized pipeline', ')');
    this.take();
    this.depth--;
    return { kind: 'pipe', at, pipe };
  }

  private word({ text, start: at }: Token): Argument {
    if (text === 'true' || text === 'false') return { kind: 'bool', at, value: text === 'true' };
    if (text === 'nil') return { kind: 'nil', at };
    if (!this.known.has(text)) this.fail(`function "${text}" not defined`, at);
    return { kind: 'function', at, name: text };
  }

  private number({ text, start }: Token): number | bigint {
    const digits = text.replaceAll('_', '').replace(/^\+/, '');
    const negative = digits.startsWith('-');
    const size = digits.replace('-', '');
    if (/^0[xXoObB]/.test(size)) return negative ? -BigInt(size) : BigInt(size);
    if (/^0[0-7]+$/.test(size)) return BigInt(`0o${size.slice(1)}`) * (negative ? -1n : 1n);
    if (/^\d+$/.test(size)) return BigInt(digits);
    const value = Number(digits);
    return Number.isNaN(value) ? this.fail(`bad number syntax: "${text}"`, start) : value;
  }
}

function describe({ kind, text }: Token): string {
  if (kind === 'end') return 'EOF';
  return kind === 'close' ? '"}}"' : `"${text}"`;
}
