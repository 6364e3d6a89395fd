import { describe, expect, it } from 'vitest';
import { parsePromql } from '../../../../src/query/promql/parser.ts';
import { spreadOf } from '../../../../src/query/spread/spread.ts';

const spread = (text: string) => spreadOf(parsePromql(text), ['host_id', 'zone']);

describe('an expression over storages that share the series', () => {
  it.each([
    '1 + 2',
    'up',
    'rate(up[5m]) * 2',
    'max_over_time(sum by (host_id) (up)[1h:1m])',
    'up * on(host_id, cpu) group_left(role) info_metric',
    'up and ignoring(cpu) down',
    'sum without (cpu) (up) > 3',
    'max by (host_id) (up) > 3',
    'topk by (zone) (3, up)',
    'histogram_quantile(0.9, sum by (host_id, le) (rate(x_bucket[5m])))',
    '(up)',
  ])('%s: each series comes from one of them', (text) => {
    expect(spread(text)).toEqual({ ok: true, kind: 'union' });
  });

  it.each([
    ['sum(up)', 'sum'],
    ['count by (role) (up > 1)', 'sum'],
    ['sum by (host_id) (up)', 'sum'],
    ['(min(up))', 'min'],
    ['max without (host_id) (up)', 'max'],
    ['group(up)', 'max'],
  ])('%s: groups are put together by %s', (text, by) => {
    expect(spread(text)).toEqual({ ok: true, kind: 'fold', by });
  });

  it('an average is a sum and a count', () => {
    expect(spread('avg by (role) (up)')).toMatchObject({
      ...{ ok: true, kind: 'average' },
      ...{ sum: { op: 'sum', grouping: ['role'] }, count: { op: 'count', grouping: ['role'] } },
    });
  });

  it.each([
    ['sum(up) / count(up)', 0, 7],
    ['topk(3, up)', 0, 11],
    ['stddev(up)', 0, 10],
    ['absent(up)', 0, 10],
    ['scalar(up)', 0, 10],
    ['up or vector(0)', 6, 15],
    ['sum(max(up))', 4, 11],
    ['avg(sum by (role) (up))', 4, 22],
    ['up * on(role) group_left w', 0, 26],
    ['up / ignoring(zone) w', 0, 21],
    ['max_over_time(sum(up)[1h:1m])', 14, 21],
    ['histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))', 24, 56],
    ['count_values by (host_id) ("v", up)', 0, 35],
  ])('%s: needs them all, and which part does', (text, start, end) => {
    expect(spread(text)).toEqual({ ok: false, start, end });
  });
});
