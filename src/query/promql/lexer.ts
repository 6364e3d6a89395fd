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

function next(query: string, at: number): Token {
  const found = (kind: Token['kind'], text: string): Token => ({
    kind,
    text,
    start: at,
    end: at + text.length,
  });
  const name = match(identifier, query, at);
  // A lone colon separates range and step of a subquery.
  if (name !== undefined && !/^:+$/.test(name)) {
    return name.startsWith(':') && /^:\d/.test(name)
      ? found('symbol', ':')
      : found('identifier', name);
  }
  const span = match(duration, query, at);
  if (span !== undefined) return found('duration', span);
  const digits = match(number, query, at);
  if (digits !== undefined) {
    const after = query[at + digits.length] ?? '';
    if (/[a-zA-Z0-9_.]/.test(after)) {
      throw new ParseError(query, at, `bad number or duration syntax: "${digits}${after}"`);
    }
    return found('number', digits);
  }
  const text = match(string, query, at);
  if (text !== undefined) return found('string', text);
  const sign = match(symbol, query, at);
  if (sign !== undefined) return found('symbol', sign);
  const character = String.fromCodePoint(query.codePointAt(at) ?? 0);
  const quoted = /["'`]/.test(character);
  throw new ParseError(
    query,
    at,
    quoted ? 'unterminated quoted string' : `unexpected character: '${character}'`,
  );
}
