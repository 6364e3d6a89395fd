import { describe, expect, it } from 'vitest';
import { parsePromql } from '../../../../src/query/promql/parser.ts';
import { toStorageText } from '../../../../src/query/promql/storage-text.ts';
import { adaptTo } from '../../../../src/query/tiers/adapt.ts';

const adapted = (text: string, stepMs = 60_000): [string, string[]] => {
  const { expr, warnings } = adaptTo(stepMs, parsePromql(text));
  return [toStorageText(expr, 'tenant'), [...warnings]];
};
const asIs = (text: string): string => toStorageText(parsePromql(text), 'tenant');

describe('an expression over aggregates', () => {
  it.each([
    'up',
    'sum by (role) (cpu_utilization)',
    'rate(net_bytes_total[5m])',
    'increase(x_total[1h] offset 1d)',
    'delta(up[5m])',
    'predict_linear(disk_used_pct[1d], 3600)',
    'histogram_quantile(0.9, sum by (le) (rate(h_bucket[10m])))',
  ])('%s is asked as it is, and nothing is to be said', (text) => {
    expect(adapted(text)).toEqual([asIs(text), []]);
  });

  it.each([
    ['min_over_time(cpu{a="b"}[1h])', 'min_over_time(cpu:min{a="b"}[1h])'],
    ['max_over_time(cpu[1h] offset 1d)', 'max_over_time(cpu:max[1h] offset 1d)'],
    ['count_over_time(cpu[1h])', 'sum_over_time(cpu:count[1h])'],
  ])('%s takes the aggregates of that kind, and of counters what there is', (text, wanted) => {
    const [said, warnings] = adapted(text);
    expect(said).toBe(asIs(`(${wanted} or ${text})`));
    expect(warnings).toEqual([]);
  });

  it('weighs averages with the counts of their windows', () => {
    const sums = 'sum_over_time((cpu * cpu:count)[1h:1m] offset 1d)';
    const all = `(${sums} / sum_over_time(cpu:count[1h] offset 1d))`;
    // The tree has no brackets where the text needs them, and prints them all.
    const plain = (text: string): string => text.replaceAll(/[() ]/g, '');
    expect(plain(adapted('avg_over_time(cpu[1h] offset 1d)')[0])).toBe(
      plain(asIs(`(${all} or avg_over_time(cpu[1h] offset 1d))`)),
    );
    expect(plain(adapted('sum_over_time(cpu[1h] offset 1d)')[0])).toBe(
      plain(asIs(`(${sums} or sum_over_time(cpu[1h] offset 1d))`)),
    );
  });

  it('looks back over two aggregates at least, and says so', () => {
    expect(adapted('rate(x_total[1m])', 300_000)).toEqual([
      asIs('rate(x_total[10m])'),
      ['windows shorter than 10m were widened to it'],
    ]);
  });

  it.each(['irate(x[10m])', 'quantile_over_time(0.9, x[1h])', 'changes(x[1h])'])(
    '%s says that it needs samples',
    (text) => {
      const [said, warnings] = adapted(text);
      expect(said).toBe(asIs(text));
      expect(warnings).toEqual([
        expect.stringMatching(/ needs samples, and was given averages of 1m$/),
      ]);
    },
  );

  it('says of selectors without a name that their averages were taken', () => {
    expect(adapted('max_over_time({__name__=~"cpu.*"}[1h])')[1]).toEqual([
      'max_over_time of a selector without a metric name was given averages of 1m',
    ]);
  });
});
