import { GaugewayError } from '../../platform/index.ts';

export interface Token {
  kind: 'identifier' | 'number' | 'duration' | 'string' | 'symbol' | 'end';
  text: string;
  start: number;
  end: number;
}

/** A query that is not PromQL: 400 bad_data with Prometheus's `line:column: parse error: …`. */
export class ParseError extends GaugewayError {
  constructor(query: string, position: number, message: string) {
    const before = query.slice(0, position);
    const line = before.split('\n').length;
    const column = position - (before.lastIndexOf('\n') + 1) + 1;
    const where = query.trim() === '' ? 'unknown position' : `${line}:${column}`;
    super('BAD_REQUEST', `${where}: parse error: ${message}`);
  }
}

const space = /(?:\s|#[^\n]*)*/y;
const identifier = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const duration = /(?:\d+(?:ms|[smhdwy]))+(?![a-zA-Z0-9_.])/y;
const number = /(?:0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?[\d_]+)?)/y;
const string = /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|`[^`]*`/y;
const symbol = /==|!=|<=|>=|=~|!~|[-+*/%^=<>(){}[\],@:]/y;

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** All tokens of a query, ending with one of kind `end`; linear in the length. */
export function tokenize(query: string): Token[] {
  const tokens: Token[] = [];
  let at = match(space, query, 0)?.length ?? 0;
  while (at < query.length) {
    const token = next(query, at);
    tokens.push(token);
    at = token.end + (match(space, query, token.end)?.length ?? 0);
  }
  tokens.push({ kind: 'end', text: '', start: query.length, end: query.length });
  return tokens;
}

const patterns: readonly (readonly [Token['kind'], RegExp])[] = [
  ['identifier', identifier],
  ['duration', duration],
  ['number', number],
  ['string', string],
  ['symbol', symbol],
];

function next(query: string, at: number): Token {
  for (const [kind, pattern] of patterns) {
    const text = match(pattern, query, at);
    // `:` or `:30s` is the step of a subquery, not a name.
    if (text === undefined || (kind === 'identifier' && /^:(?:\d|:*$)/.test(text))) continue;
    const end = at + text.length;
    const after = query[end] ?? '';
    if (kind === 'number' && /[a-zA-Z0-9_.]/.test(after)) {
      throw new ParseError(query, at, `bad number or duration syntax: "${text}${after}"`);
    }
    return { kind, text, start: at, end };
  }
  const character = String.fromCodePoint(query.codePointAt(at) ?? 0);
  const problem = /["'`]/.test(character)
    ? 'unterminated quoted string'
    : `unexpected character: '${character}'`;
  throw new ParseError(query, at, problem);
}
