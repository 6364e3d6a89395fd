/** A template that does not parse; `at` is an offset into its text, UTF-16 units. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'space'
  | 'identifier'
  | 'field'
  | 'variable'
  | 'dot'
  | 'string'
  | 'char'
  | 'number'
  | 'symbol'
  | 'end';

export interface Token {
  kind: TokenKind;
  text: string;
  start: number;
}

const inside: readonly (readonly [TokenKind, RegExp])[] = [
  ['space', /[ \t\r\n]+/y],
  ['string', /"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`/y],
  ['char', /'(?:[^'\\\n]|\\[^\n])+'/y],
  [
    'number',
    /[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)(?![\p{L}\p{Nd}_.])/uy,
  ],
  ['field', /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ['variable', /\$(?:[\p{L}_][\p{L}\p{Nd}_]*)?/uy],
  ['identifier', /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ['dot', /\./y],
  ['symbol', /:=|[=|(),]/y],
];

/** Go's `text/template` lexer: text and actions, trim markers applied, comments left out. Throws TemplateError. */
export function tokenize(template: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  while (at <= template.length) {
    const open = template.indexOf('{{', at);
    const end = open < 0 ? template.length : open;
    const trims = open >= 0 && /^\{\{-[ \t\r\n]/.test(template.slice(open, open + 4));
    pushText(
      tokens,
      { text: template.slice(at, end), start: at },
      { left: trimNext, right: trims },
    );
    if (open < 0) break;
    const action = lexAction(template, open, open + (trims ? 4 : 2), tokens);
    at = action.end;
    trimNext = action.trims;
  }
  tokens.push({ kind: 'end', text: '', start: template.length });
  return tokens;
}

function pushText(
  tokens: Token[],
  { text, start }: { text: string; start: number },
  trim: { left: boolean; right: boolean },
): void {
  let kept = trim.right ? text.replace(/[ \t\r\n]+$/, '') : text;
  if (trim.left) kept = kept.replace(/^[ \t\r\n]+/, '');
  if (kept !== '') tokens.push({ kind: 'text', text: kept, start });
}

interface ActionEnd {
  end: number;
  trims: boolean;
}

function lexAction(template: string, open: number, from: number, tokens: Token[]): ActionEnd {
  if (template.startsWith('/*', from)) return lexComment(template, open, from);
  tokens.push({ kind: 'open', text: '{{', start: open });
  let at = from;
  let depth = 0;
  for (;;) {
    const close = closing(template, at);
    if (close && depth === 0) {
      tokens.push({ kind: 'close', text: '}}', start: at });
      return close;
    }
    const token = nextToken(template, at);
    if (token.text === '(') depth++;
    if (token.text === ')' && depth-- === 0) throw new TemplateError('unexpected right paren', at);
    tokens.push(token);
    at = token.start + token.text.length;
  }
}

function closing(template: string, at: number): ActionEnd | undefined {
  if (/^[ \t\r\n]-\}\}/.test(template.slice(at, at + 4))) return { end: at + 4, trims: true };
  return template.startsWith('}}', at) ? { end: at + 2, trims: false } : undefined;
}

function lexComment(template: string, open: number, from: number): ActionEnd {
  const end = template.indexOf('*/', from);
  if (end < 0) throw new TemplateError('unclosed comment', open);
  const close = closing(template, end + 2);
  if (!close) throw new TemplateError('comment ends before closing delimiter', open);
  return close;
}

function nextToken(template: string, at: number): Token {
  for (const [kind, pattern] of inside) {
    pattern.lastIndex = at;
    const text = pattern.exec(template)?.[0];
    if (text === undefined) continue;
    // " -}}" belongs to the closing delimiter.
    if (kind === 'space' && template.startsWith('-}}', at + text.length) && text.length > 1) {
      return { kind, text: text.slice(0, -1), start: at };
    }
    return { kind, text, start: at };
  }
  throw unlexable(template, at);
}

const unterminated: Readonly<Record<string, string>> = {
  '"': 'unterminated quoted string',
  '`': 'unterminated raw quoted string',
  "'": 'unterminated character constant',
};

function unlexable(template: string, at: number): TemplateError {
  if (at >= template.length) return new TemplateError('unclosed action', at);
  const character = template.slice(at, at + 1);
  const known = unterminated[character];
  if (known !== undefined) return new TemplateError(known, at);
  const number = /^[\d+-][\w.+-]*/.exec(template.slice(at))?.[0];
  if (number !== undefined) return new TemplateError(`bad number syntax: "${number}"`, at);
  return new TemplateError(`unexpected "${character}" in operand`, at);
}
