/** Forms that cannot backtrack badly: letters, escapes, `.`, classes and groups of words, alternatives. */
const supported =
  /^(?:[\w:/@, -]|\\[.\-/|()*+?]|\.[*+?]?|\[[\w:-]+\][*+?]?|\((?:[\w:./ -]*\|)*[\w:./ -]*\)\??|\|)*$/;
const quantifier = /(?<!\\)[*+]/g;
const maxQuantifiers = 2;
const maxLength = 200;

/**
 * A pattern anchored at both ends, or undefined where it is not one of the supported forms: JavaScript's expressions
 * backtrack, and a tenant writes these. Two unbounded parts over 1,024 characters stay below a millisecond or two.
 */
export function anchoredPattern(source: string): RegExp | undefined {
  if (source.length > maxLength || !supported.test(source)) return undefined;
  if ((source.match(quantifier) ?? []).length > maxQuantifiers) return undefined;
  return new RegExp(`^(?:${source})$`);
}
