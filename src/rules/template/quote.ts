const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

const escape =
  /\\(?:([abfnrtv\\'"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]|$))/g;

/** strconv.Unquote for a literal in `"`, `'` or backquotes; undefined for an escape that Go does not know. */
export function unquoteGo(literal: string): string | undefined {
  const inner = literal.slice(1, -1);
  if (literal.startsWith('`')) return inner.replaceAll('\r', '');
  const otherQuote = literal.startsWith('"') ? "'" : '"';
  let invalid = 0;
  const text = inner.replace(escape, (_all, ...groups) => {
    const [letter, hex, octal, short, long] = groups as (string | undefined)[];
    if (letter !== undefined && letter !== otherQuote) return simple[letter] ?? '';
    const code =
      octal === undefined ? parseInt(hex ?? short ?? long ?? '', 16) : parseInt(octal, 8);
    const known = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
    if (known) return String.fromCodePoint(code);
    invalid++;
    return '';
  });
  return invalid === 0 ? text : undefined;
}

const printed: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** strconv.Quote: `%q` of a string. */
export function quoteGo(text: string): string {
  const body = text.replace(/[\\"]|[^\P{C}\n]|[^\P{Z} ]|\n/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (character === '\\' || character === '"') return `\\${character}`;
    const short = printed[character];
    if (short !== undefined) return short;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    const wide = code > 0xffff;
    return `\\${wide ? 'U' : 'u'}${code.toString(16).padStart(wide ? 8 : 4, '0')}`;
  });
  return `"${body}"`;
}
