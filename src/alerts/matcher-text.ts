import { RE2JS } from 're2js';
import { GaugewayError, messageOf } from '../platform/index.ts';
import type { SilenceMatcher } from './silence.ts';

/** Longer than any filter that a person writes. */
const maxLength = 2_000;

/** White space has one place where it can match, so that nothing is tried twice. */
const term =
  /\s*(?<name>"(?:[^"\\]|\\.)*"|[^\s"=!~,{}]+)\s*(?<op>=~|!~|!=|=)(?<value>\s*"(?:[^"\\]|\\.)*"\s*|[^",{}]*)(?:,|$)/y;

/**
 * Matchers as Alertmanager's clients write them: `severity="critical"`, `{a=b, c!~"d.*"}`. Throws BAD_REQUEST for
 * anything else, a bad regular expression included.
 */
export function parseMatchers(text: string): SilenceMatcher[] {
  const trimmed = text.trim();
  const inner = /^\{[^]*\}$/.test(trimmed) ? trimmed.slice(1, -1).trim() : trimmed;
  const wrong = (): GaugewayError =>
    new GaugewayError('BAD_REQUEST', `bad matcher format: ${trimmed.slice(0, 200)}`);
  if (inner.length > maxLength) throw wrong();
  const matchers: SilenceMatcher[] = [];
  for (let at = 0; at < inner.length; at = term.lastIndex) {
    term.lastIndex = at;
    const { name = '', op = '', value = '' } = term.exec(inner)?.groups ?? {};
    if (name === '') throw wrong();
    matchers.push({
      ...{ name: unquoted(name), value: unquoted(value.trim()) },
      ...{ isRegex: op.endsWith('~'), isEqual: !op.startsWith('!') },
    });
  }
  matchers.forEach(requireMatcher);
  return matchers;
}

/** Throws BAD_REQUEST for a matcher that cannot be compiled. */
export function requireMatcher({ name, value, isRegex }: SilenceMatcher): void {
  if (name === '') throw new GaugewayError('BAD_REQUEST', 'a matcher needs the name of a label');
  if (!isRegex) return;
  try {
    RE2JS.compile(value);
  } catch (error) {
    throw new GaugewayError('BAD_REQUEST', `bad regular expression of ${name}`, {
      details: { reason: messageOf(error) },
      cause: error,
    });
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t' };

function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  return text.slice(1, -1).replaceAll(/\\(.)/gs, (_, one: string) => escapes[one] ?? one);
}

/** `severity="critical"`. */
export function printMatcher({ name, value, isRegex, isEqual }: SilenceMatcher): string {
  const operator = isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=';
  return `${name}${operator}${JSON.stringify(value)}`;
}
