import { parser as lezer } from '@prometheus-io/lezer-promql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePromql } from '../../../../src/query/promql/parser.ts';
import { prettyPromql, printPromql } from '../../../../src/query/promql/print.ts';
import { labelsUsed, selectors } from '../../../../src/query/promql/selectors.ts';
import { toStorageText } from '../../../../src/query/promql/storage-text.ts';
import { toTree } from '../../../../src/query/promql/tree.ts';

/** Query and its one-line form as Prometheus prints it (`Expr.String()`). */
const printed: [string, string][] = [
  ['up', 'up'],
  ['1', '1'],
  ['-1', '-1'],
  ['1e3', '1000'],
  ['0x1F', '31'],
  ['.5', '0.5'],
  ['1e-9', '0.000000001'],
  ['+Inf', '+Inf'],
  ['-iNf', '-Inf'],
  ['NaN', 'NaN'],
  ['"a\\"b"', '"a\\"b"'],
  ["'it\\'s'", '"it\'s"'],
  ['`raw\\n`', '"raw\\\\n"'],
  ['up # a comment', 'up'],
  ['sum', 'sum'],
  ['offset', 'offset'],
  ['node:cpu:rate5m', 'node:cpu:rate5m'],
  ['up{job="x",}', 'up{job="x"}'],
  ['{__name__=~"a.*"}', '{__name__=~"a.*"}'],
  ['{"my.metric", "a.b"!~"c"}', '{"my.metric","a.b"!~"c"}'],
  ['up[5m]', 'up[5m]'],
  ['up[90m]', 'up[1h30m]'],
  ['up[300]', 'up[5m]'],
  ['up offset 1d', 'up offset 1d'],
  ['up offset -5m @ 10.5', 'up @ 10.500 offset -5m'],
  ['up @ start()', 'up @ start()'],
  ['up[5m] offset 1m @ end()', 'up[5m] @ end() offset 1m'],
  ['rate(up[1m])[1h:]', 'rate(up[1m])[1h:]'],
  ['up[1h:5m] offset 1w', 'up[1h:5m] offset 1w'],
  ['a + b * c', 'a + b * c'],
  ['(a + b) * c', '(a + b) * c'],
  ['-1 ^ 2', '-1 ^ 2'],
  ['-a', '-a'],
  ['a - -b', 'a - -b'],
  ['a == bool 1', 'a == bool 1'],
  ['a and on() b', 'a and on () b'],
  ['a AND b', 'a and b'],
  ['a * on(x) group_left(y, z) b', 'a * on (x) group_left (y, z) b'],
  ['a * ignoring(x) group_right b', 'a * ignoring (x) group_right () b'],
  ['sum(a) by (b)', 'sum by (b) (a)'],
  ['SUM by (b) (a)', 'sum by (b) (a)'],
  ['sum without() (a)', 'sum without () (a)'],
  ['topk(5, a)', 'topk(5, a)'],
  ['count_values("v", a)', 'count_values("v", a)'],
  ['label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up, "a", "$1", "b", "(.*)")'],
  ['round(a, 5)', 'round(a, 5)'],
  ['hour()', 'hour()'],
  ['1 + 5m', '1 + 5m'],
  ['a atan2 b', 'a atan2 b'],
];

/** Query, position, and part of the message. */
const refused: [string, string, string][] = [
  ['', 'unknown position', 'no expression found in input'],
  ['  # only a comment', '1:1', 'no expression found in input'],
  ['up{', '1:4', 'unexpected end of input in label matching'],
  ['up{a="b"', '1:9', 'unexpected end of input in label matching'],
  ['up{a=b}', '1:6', 'in label matching, expected "string"'],
  ['up{a:b="c"}', '1:4', 'expected "label"'],
  ['rate(up)', '1:6', 'expected type range vector in call to function "rate", got instant vector'],
  ['rate(up[5m])[5m]', '1:13', 'ranges only allowed for vector selectors'],
  ['foo(up)', '1:1', 'unknown function with name "foo"'],
  ['(up', '1:1', 'unclosed left parenthesis'],
  ['up)', '1:3', 'unexpected ")"'],
  ['up up', '1:4', 'unexpected identifier "up"'],
  ['"abc', '1:1', 'unterminated quoted string'],
  ['"a\\q"', '1:1', 'invalid escape'],
  ['"\\ud800"', '1:1', 'invalid escape'],
  ['1 == 2', '1:1', 'comparisons between scalars must use BOOL modifier'],
  ['1 and 2', '1:1', 'set operator "and" not allowed in binary scalar expression'],
  ['up + bool up', '1:1', 'bool modifier can only be used on comparison operators'],
  ['up and on(a) group_left b', '1:1', 'no grouping allowed for "and" operation'],
  ['{}', '1:1', 'vector selector must contain at least one non-empty matcher'],
  ['{a=""}', '1:1', 'at least one non-empty matcher'],
  ['{a=~".*"}', '1:1', 'at least one non-empty matcher'],
  ['up{__name__="a"}', '1:1', 'metric name must not be set twice'],
  ['up[0s]', '1:4', 'duration must be greater than 0'],
  ['up[5x]', '1:4', 'bad number or duration syntax'],
  ['up[5m', '1:6', 'in matrix selector'],
  ['up[1m5h]', '1:4', 'not a valid duration string'],
  ['up offset 5m offset 1m', '1:14', 'offset may not be set multiple times'],
  ['(up) offset 5m', '1:6', 'offset modifier must be preceded by'],
  ['up offset 5m [5m]', '1:14', 'no offset modifiers allowed before range'],
  ['sum()', '1:1', 'wrong number of arguments for aggregate expression provided'],
  ['topk(a)', '1:1', 'expected 2, got 1'],
  ['abs(a, b)', '1:1', 'expected 1 argument(s) in call to "abs", got 2'],
  ['round()', '1:1', 'expected at least 1 argument(s)'],
  ['abs(a,)', '1:7', 'trailing commas'],
  ['sum("a")', '1:5', 'expected type instant vector in aggregation expression, got string'],
  ['a\n+ +', '2:4', 'unexpected end of input'],
  ['a\u0000b', '1:2', 'unexpected character'],
  ['tenant{a="b" or c="d"}', '1:14', 'in label matching'],
  ['WITH (x = up) x', '1:1', 'unknown function with name "WITH"'],
  ['up keep_metric_names', '1:4', 'unexpected identifier'],
  ['up default 0', '1:4', 'unexpected identifier'],
  ['median_over_time(up[5m])', '1:1', 'unknown function'],
  ['rollup_rate(up[5m])', '1:1', 'unknown function'],
  ['up[5m:1i]', '1:7', 'bad number'],
  ['1Ki', '1:1', 'bad number'],
];

describe('parsePromql', () => {
  it.each(printed)('reads %s as %s', (query, text) => {
    expect(printPromql(parsePromql(query))).toBe(text);
  });

  it.each(refused)('refuses %j at %s', (query, position, message) => {
    expect(() => parsePromql(query)).toThrow(`${position}: parse error: `);
    expect(() => parsePromql(query)).toThrow(message);
  });

  // The grammar does not know upper-case operators and a metric named `offset`; Prometheus does.
  it.each(printed.filter(([query]) => !/AND|SUM|^offset$/.test(query)))(
    'accepts with %s nothing that the published grammar refuses',
    (query) => {
      const errors: number[] = [];
      lezer.parse(query).iterate({
        enter: (node) => {
          if (node.type.isError) errors.push(node.from);
        },
      });
      expect(errors).toEqual([]);
    },
  );

  it('binds a range to its selector and not to the sum before it', () => {
    const expr = parsePromql('a + rate(b[5m] offset 1m)');
    expect(expr.kind).toBe('binary');
    expect(printPromql(parsePromql('-a ^ 2'))).toBe('-a ^ 2');
    expect(parsePromql('-a ^ 2').kind).toBe('unary');
    expect(parsePromql('a ^ b ^ c')).toMatchObject({ lhs: { name: 'a' } });
    expect(parsePromql('a - b - c')).toMatchObject({ rhs: { name: 'c' } });
  });

  it('finds every selector and every label that is used', () => {
    const expr = parsePromql(
      'sum by (a) (x{b="1"}) / on(c) group_left(d) label_replace(y[5m:1m] or z, "e", "", "f", "")'.replace(
        'y[5m:1m] or z',
        'max_over_time(y[5m:1m]) or z',
      ),
    );
    expect(selectors(expr).map(({ name }) => name)).toEqual(['x', 'y', 'z']);
    expect([...labelsUsed(expr)].sort()).toEqual(['', 'a', 'b', 'c', 'd', 'e', 'f']);
  });
});

describe('bombs', () => {
  const bombs: [string, string][] = [
    ['7,000 parentheses', '('.repeat(7000) + '1' + ')'.repeat(7000)],
    ['3,000 parentheses', '('.repeat(3000) + '1' + ')'.repeat(3000)],
    ['101 parentheses', '('.repeat(101) + '1' + ')'.repeat(101)],
    ['4,000 minus signs', `${'-'.repeat(4000)}a`],
    ['a chain of 2,000 sums', Array(2000).fill('1').join('+')],
    ['a chain of 2,000 powers', Array(2000).fill('1').join('^')],
    ['200 nested subqueries', `up${'[5m:1m]'.repeat(200)}`],
    ['20 KB of text', `up{a="${'x'.repeat(20_000)}"}`],
    ['8,193 bytes of three-byte letters', `up{a="${'€'.repeat(2729)}"}`],
    ['a WITH bomb', 'WITH (a = up + up, b = a + a, c = b + b) c'],
    ['a WITH template', 'WITH (f(x) = x{a="b"}) f(up)'],
  ];

  it.each(bombs)('%s are refused', (_name, query) => {
    expect(() => parsePromql(query)).toThrow('parse error');
  });

  it('99 levels and 8,192 bytes are let in', () => {
    expect(parsePromql('('.repeat(98) + '1' + ')'.repeat(98)).kind).toBe('paren');
    expect(parsePromql(`up{a="${'x'.repeat(8192 - 8)}"}`).kind).toBe('selector');
  });
});

const name = fc.constantFrom('up', 'a:b', 'sum', 'node_load1');
const label = fc.constantFrom('job', 'host_id', 'a.b', 'by');
const selector = fc
  .tuple(name, fc.array(fc.tuple(label, fc.constantFrom('=', '!=', '=~', '!~'), fc.string())))
  .map(([metric, matchers]) => {
    const inner = matchers.map(([l, op, v]) => `${JSON.stringify(l)}${op}${JSON.stringify(v)}`);
    return `${metric}{${inner.join(',')}}`;
  });
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4 },
    selector,
    fc
      .tuple(selector, fc.constantFrom(' offset 5m', ' @ 1234.5', ' @ end() offset -1h'))
      .map((x) => x.join('')),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `${a} + on (x) (${b})`),
    tie('expression').map((x) => `sum by (a) (${x})`),
    tie('expression').map((x) => `abs(-(${x}))`),
    tie('expression').map((x) => `max_over_time((${x})[10m:30s])`),
    fc
      .tuple(tie('expression'), fc.double({ noNaN: true }))
      .map(
        ([x, n]) =>
          `clamp_min(${x}, ${n === Infinity ? 'Inf' : n === -Infinity ? '-Inf' : String(n).replace('e+', 'e')})`,
      ),
  ),
}));

describe('printing', () => {
  it('is a fixed point: what is printed parses to the same text and the same tree', () => {
    fc.assert(
      fc.property(expression, (query) => {
        fc.pre(
          Buffer.byteLength(query) < 6000 &&
            !/[\ud800-\udfff]/.test(query) &&
            !/\\u00[01]|\\b|\\f/.test(query),
        );
        const first = parsePromql(query);
        const text = printPromql(first);
        const again = parsePromql(text);
        expect(printPromql(again)).toBe(text);
        expect(toTree(again)).toEqual(toTree(first));
        expect(prettyPromql(parsePromql(prettyPromql(first)))).toBe(prettyPromql(first));
      }),
      { seed: 20261122, numRuns: 300 },
    );
  });

  it('never fails on any text but with a parse error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        try {
          parsePromql(text);
        } catch (error) {
          expect(String(error)).toContain('parse error');
        }
      }),
      { seed: 20261122, numRuns: 2000 },
    );
  });
});

describe('toStorageText', () => {
  it.each([
    ['up', 'default_rollup({__name__="up"}[5m])'],
    ['{"my.metric","a.b"="c"}', 'default_rollup({__name__="my.metric",a\\.b="c"}[5m])'],
    [
      'a / b',
      '(default_rollup({__name__="a"}[5m]) / ignoring (tenant) default_rollup({__name__="b"}[5m]))',
    ],
    [
      'a / on(x) b',
      '(default_rollup({__name__="a"}[5m]) / on (x) default_rollup({__name__="b"}[5m]))',
    ],
    ['a + 1', '(default_rollup({__name__="a"}[5m]) + 1)'],
    ['sum without(x) (a)', 'sum(default_rollup({__name__="a"}[5m])) without (x,tenant)'],
    ['max_over_time(a[5m])', 'label_del(max_over_time({__name__="a"}[5m]), "__name__")'],
    ['a[1h:]', '(default_rollup({__name__="a"}[5m]))[1h:1m]'],
    ['-a', '(0 - default_rollup({__name__="a"}[5m]))'],
    ['1 + 5m', '(1 + 300)'],
    ['timestamp(a offset 1m)', 'timestamp({__name__="a"}[5m] offset 1m)'],
    [
      'absent(a{b="c",d!="e"})',
      'label_set(absent(default_rollup({__name__="a",b="c",d!="e"}[5m])), "b", "c")',
    ],
  ])('writes %s as %s', (query, text) => {
    expect(toStorageText(parsePromql(query), 'tenant')).toBe(text);
  });

  it('names the function that storage does not have', () => {
    expect(() => toStorageText(parsePromql('histogram_avg(a)'), 'tenant')).toThrow('histogram_avg');
  });
});
