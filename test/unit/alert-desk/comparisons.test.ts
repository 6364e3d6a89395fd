import { describe, expect, it } from 'vitest';
import { comparisonsOf } from '../../../src/alert-desk/comparisons.ts';

describe('the comparisons that decide about rows', () => {
  it.each<[string, [string, string, number][]]>([
    ['cpu > 90', [['cpu', '>', 90]]],
    ['(avg by (a) (cpu) >= (-1))', [['avg by (a) (cpu)', '>=', -1]]],
    [
      'a > 85 or 100 * b / c > 90 unless d == 1',
      [
        ['a', '>', 85],
        ['100 * b / c', '>', 90],
        ['d', '==', 1],
      ],
    ],
    ['cpu > bool 90', []],
    ['cpu > on (a) limit', []],
    ['absent(up)', []],
    ['vector(1)', []],
  ])('of %s', (expression, expected) => {
    const found = comparisonsOf(expression);
    expect(found.map(({ left, operator, threshold }) => [left, operator, threshold])).toEqual(
      expected,
    );
  });

  it('say whether a value holds', () => {
    const [comparison] = comparisonsOf('cpu > 90');
    expect([89, 90, 91, NaN].map((value) => comparison?.holds(value))).toEqual([
      ...[false, false, true, false],
    ]);
  });
});
