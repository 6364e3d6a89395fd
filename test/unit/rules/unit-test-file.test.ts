import { describe, expect, it } from 'vitest';
import { parseUnitTests, type SeriesValue } from '../../../src/rules/index.ts';
import { parseSeriesValues } from '../../../src/rules/series-notation.ts';

const short = (values: readonly SeriesValue[]): string =>
  values
    .map((value) => {
      if (value.kind === 'absent') return '_';
      return value.kind === 'float' ? String(value.value) : value.kind;
    })
    .join(' ');

describe('series notation', () => {
  it.each([
    ['1 2 3', '1 2 3'],
    ['0+10x3', '0 10 20 30'],
    ['10-2x2 5', '10 8 6 5'],
    ['-1-1x1', '-1 -2'],
    ['1x3', '1 1 1 1'],
    ['_ _x2 stale 7', '_ _ _ stale 7'],
    ['NaN Inf -inf 1e3 0x1 .5', 'NaN Infinity -Infinity 1000 0 0 0.5'],
    ['1 + 2', undefined],
    ['', ''],
    ['  1\n  2  ', '1 2'],
    ['0.1+0.1x2', '0.1 0.2 0.30000000000000004'],
    ['{{schema:0 sum:1 count:1 buckets:[1]}}x1', 'histogram histogram'],
  ])('%s is %s', (text, expected) => {
    if (expected === undefined) expect(() => parseSeriesValues(text)).toThrow('unexpected');
    else expect(short(parseSeriesValues(text))).toBe(expected);
  });

  it('grows a histogram by its counts and keeps its shape', () => {
    const values = parseSeriesValues(
      '{{schema:1 sum:4 count:2 buckets:[1 1]}}+{{sum:2 count:1 buckets:[0 1 1]}}x2',
    );
    const [, , last] = values;
    expect(last?.kind === 'histogram' && Object.fromEntries(last.fields)).toEqual({
      schema: 1,
      sum: 8,
      count: 4,
      buckets: [1, 3, 2],
    });
  });

  it.each(['1+2', 'x', '{{nonsense:1}}', '1x99999999'])('%s is refused', (text) => {
    expect(() => parseSeriesValues(text)).toThrow();
  });
});

describe('a unit-test file of promtool', () => {
  it('is read with everything it may hold', () => {
    const file = parseUnitTests(
      `rule_files: [alerts.yml, "more/*.yml"]
evaluation_interval: 30s
group_eval_order: [b, a]
fuzzy_compare: true
tests:
- name: first
  interval: 15s
  start_timestamp: 2026-01-01T00:00:00Z
  external_labels: {cluster: eu1}
  external_url: http://x
  input_series:
  - series: 'up{job="a", instance="i:1"}'
    values: '1 0x2 stale'
  alert_rule_test:
  - alertname: Down
    exp_alerts:
    - exp_labels: {job: a, severity: 1}
      exp_annotations: {summary: gone}
  promql_expr_test:
  - expr: up == 0
    eval_time: 1m30s
    exp_samples:
    - labels: 'up{job="a"}'
      value: 1.5e1
    - value: 2
`,
      'a.test.yaml',
    );
    expect(file).toMatchObject({
      ruleFiles: ['alerts.yml', 'more/*.yml'],
      evaluationIntervalMs: 30_000,
      groupOrder: ['b', 'a'],
      fuzzyCompare: true,
    });
    const [group] = file.tests;
    expect(group).toMatchObject({
      name: 'first',
      intervalMs: 15_000,
      startMs: Date.UTC(2026, 0, 1),
      externalUrl: 'http://x',
      alertCases: [
        {
          evalMs: 0,
          alertName: 'Down',
          expected: [
            {
              labels: new Map([
                ['job', 'a'],
                ['severity', '1'],
              ]),
            },
          ],
        },
      ],
    });
    expect(group?.input[0]?.labels).toEqual(
      new Map([
        ['__name__', 'up'],
        ['job', 'a'],
        ['instance', 'i:1'],
      ]),
    );
    expect(short(group?.input[0]?.values ?? [])).toBe('1 0 0 0 stale');
    expect(group?.promqlCases[0]?.expected).toEqual([
      {
        labels: new Map([
          ['__name__', 'up'],
          ['job', 'a'],
        ]),
        value: { kind: 'float', value: 15 },
      },
      { labels: new Map(), value: { kind: 'float', value: 2 } },
    ]);
  });

  it('tells every mistake with its place', () => {
    const text = `tests:
- input_series:
  - series: 'up{'
    values: 1 2 oops
  alert_rule_tests: []
`;
    const message = (() => {
      try {
        parseUnitTests(text, 'a.yaml');
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message).toMatch(/a\.yaml:3:5: .*label matching/);
    expect(message).toContain('a.yaml:4:17: unexpected "oops" in series values');
    expect(message).toContain('a.yaml:5:3: unknown field "alert_rule_tests"');
  });
});
