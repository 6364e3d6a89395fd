import { describe, expect, it } from 'vitest';
import { compileMatchers, parseMatchers, printMatcher } from '../../../src/alerts/index.ts';

describe('matchers as text', () => {
  it.each<[string, string[]]>([
    ['severity="critical"', ['severity="critical"']],
    ['severity=critical', ['severity="critical"']],
    ['{a="b", c!="d",e=~"f.*", g!~h}', ['a="b"', 'c!="d"', 'e=~"f.*"', 'g!~"h"']],
    ['a="x,y=\\"z\\""', ['a="x,y=\\"z\\""']],
    ['"dotted.name"="b"', ['dotted.name="b"']],
    ['a=', ['a=""']],
    ['', []],
    ['{}', []],
  ])('%s is read', (text, printed) => {
    expect(parseMatchers(text).map(printMatcher)).toEqual(printed);
  });

  it.each(['a', '="b"', 'a=b c=d}', 'a=~"["', 'a=b,,c=d', `a="${'x'.repeat(3_000)}"`])(
    '%s is refused',
    (text) => {
      expect(() => parseMatchers(text)).toThrow();
    },
  );

  it.each([' '.repeat(1_900) + '!', `a=${' '.repeat(1_800)}}`, `a="${'\\'.repeat(1_801)}`])(
    'that are long and hostile are refused',
    (text) => {
      expect(() => parseMatchers(text)).toThrow();
    },
  );

  it('match a label that is not there as an empty one, and anchor patterns', () => {
    const test = (text: string) =>
      compileMatchers(parseMatchers(text))(new Map([['host', 'web-1']]));
    expect(test('host=~web')).toBe(false);
    expect(test('host=~"web-."')).toBe(true);
    expect(test('zone=""')).toBe(true);
    expect(test('zone!=""')).toBe(false);
    expect(test('host!~"db.*",host=web-1')).toBe(true);
  });
});
