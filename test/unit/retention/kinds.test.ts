import { describe, expect, it } from 'vitest';
import { catalogMetrics } from '../../../src/catalog/index.ts';
import { isTaken, kindOf, type Kind } from '../../../src/retention/kinds.ts';

const nothing = () => undefined;
const said = (types: Record<string, string>) => (metric: string) => types[metric];

describe('the kind of a metric', () => {
  it('is that of the catalog, whatever senders say', () => {
    for (const { name, kind } of catalogMetrics) {
      expect(kindOf(name, said({ [name]: kind === 'gauge' ? 'counter' : 'gauge' }))).toBe(kind);
    }
  });

  it.each<[string, Record<string, string>, Kind]>([
    ['requests_total', {}, 'counter'],
    ['latency_seconds_bucket', {}, 'counter'],
    ['latency_seconds_count', {}, 'counter'],
    ['latency_seconds_sum', {}, 'counter'],
    ['queue_length', {}, 'gauge'],
    ['clicks', { clicks: 'counter' }, 'counter'],
    ['items_total', { items_total: 'gauge' }, 'gauge'],
    ['items_total', { items_total: 'unknown' }, 'counter'],
    ['items_count', { items: 'summary' }, 'counter'],
    ['sizes_sum', { sizes: 'gaugehistogram' }, 'gauge'],
    ['sizes', { sizes: 'summary' }, 'gauge'],
  ])('%s is, where senders say %j, a %s', (name, types, kind) => {
    expect(kindOf(name, said(types))).toBe(kind);
  });

  it('leaves out a name that an aggregate of another has, and no other', () => {
    const names = ['x', 'x:max', 'y_total', 'y_total:max', 'job:x:rate5m', 'z:min'];
    const kinds = new Map(names.map((name) => [name, kindOf(name, nothing)]));
    expect(names.filter((name) => isTaken(name, kinds))).toEqual(['x:max']);
  });
});
