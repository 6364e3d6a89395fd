import { ParseError, tokenize, type Token } from './lexer.ts';

/** Levels an expression may nest; the contract's. */
export const maxDepth = 100;

/** A place in the tokens of a query: what a recursive descent looks at, takes and complains about. */
export class Cursor {
  protected readonly query: string;
  protected depth = 0;
  private readonly tokens: Token[];
  private index = 0;

  constructor(query: string) {
    this.query = query;
    this.tokens = tokenize(query);
  }

  protected peek(ahead = 0): Token {
    return this.tokens[Math.min(this.index + ahead, this.tokens.length - 1)]!;
  }

  protected take(): Token {
    const token = this.peek();
    this.index++;
    return token;
  }

  protected at(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    if (token.kind === 'symbol') return token.text === text;
    return token.kind === 'identifier' && token.text.toLowerCase() === text;
  }

  protected accept(text: string): boolean {
    if (!this.at(text)) return false;
    this.index++;
    return true;
  }

  protected expect(text: string, context: string): Token {
    if (!this.at(text)) this.unexpected(context, text);
    return this.take();
  }

  protected unexpected(context: string, wanted?: string): never {
    const token = this.peek();
    const what =
      token.kind === 'end'
        ? 'end of input'
        : token.kind === 'symbol'
          ? `"${token.text}"`
          : `${token.kind} ${token.kind === 'string' ? token.text : `"${token.text}"`}`;
    const where = context === '' ? '' : ` in ${context}`;
    const expected = wanted === undefined ? '' : `, expected "${wanted}"`;
    throw new ParseError(this.query, token.start, `unexpected ${what}${where}${expected}`);
  }

  protected fail(position: number, message: string): never {
    throw new ParseError(this.query, position, message);
  }

  /** Counts what nests, so that no later walk over the tree can run out of stack. */
  protected nested<T>(parse: () => T): T {
    if (++this.depth > maxDepth) {
      this.fail(this.peek().start, `expression is nested deeper than ${maxDepth} levels`);
    }
    const result = parse();
    this.depth--;
    return result;
  }

  /** Where the token taken last ends. */
  protected previousEnd(): number {
    return this.tokens[this.index - 1]?.end ?? 0;
  }
}
