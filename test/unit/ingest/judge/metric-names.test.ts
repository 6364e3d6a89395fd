import { expect, it } from 'vitest';
import { createMetricNames } from '../../../../src/ingest/judge/metric-names.ts';

it('a tenant has as many names as it may, and those go on', () => {
  const names = createMetricNames();
  expect(['a', 'b', 'c'].map((name) => names.admit('acme', name, 2))).toEqual([true, true, false]);
  expect(names.admit('acme', 'a', 2)).toBe(true);
  // With a smaller budget, known names pass still.
  expect(names.admit('acme', 'b', 0)).toBe(true);
  expect(names.admit('cedar', 'c', 2)).toBe(true);
  expect([...names.entries()]).toEqual([
    ['acme', 2],
    ['cedar', 1],
  ]);
});

it('a tenant that is forgotten begins anew, alone', () => {
  const names = createMetricNames();
  names.admit('acme', 'a', 1);
  names.admit('cedar', 'a', 1);
  names.forgetTenant('acme');
  expect(names.admit('acme', 'b', 1)).toBe(true);
  expect(names.admit('cedar', 'b', 1)).toBe(false);
});
