import { describe, expect, it } from 'vitest';
import { inputsOf, readsEarlier } from '../../../src/ruler/chains.ts';
import { prometheusTerms, type Rule } from '../../../src/rules/index.ts';

const record = (name: string, expression: string): Rule => ({
  ...{ kind: 'record', name, expression, labels: new Map() },
});
const alert = (name: string, expression: string): Rule => ({
  ...prometheusTerms,
  ...{ kind: 'alert', name, expression, forMs: 0, keepFiringForMs: 0, limit: 0 },
  ...{ labels: new Map(), annotations: new Map() },
});

describe('inputsOf', () => {
  it('names what is read, in whatever depth', () => {
    const names = inputsOf(
      'sum(rate(a[5m])) / on () max_over_time(b[1h:1m] offset 1d) > {__name__="c"}',
    );
    expect(names).toEqual(new Set(['a', 'b', 'c']));
  });

  it.each(['{job="x"}', '{__name__=~"a.*"}', 'sum({a!=""})'])('may be anything for %s', (text) => {
    expect(inputsOf(text)).toBe('any');
  });
});

describe('readsEarlier', () => {
  it('holds up only those that read what an earlier rule writes', () => {
    const rules = [
      record('job:up', 'sum by (job) (up)'),
      alert('Down', 'up == 0'),
      alert('AllDown', 'job:up == 0'),
      record('job:up', 'up'),
      alert('Many', 'count(ALERTS) > 3'),
      alert('Any', '{job="x"} > 1'),
    ];
    expect(readsEarlier(rules)).toEqual([false, false, true, false, true, true]);
  });

  it('asks for nothing where nothing was written yet', () => {
    expect(readsEarlier([alert('Any', '{job="x"} > 1')])).toEqual([false]);
  });
});
