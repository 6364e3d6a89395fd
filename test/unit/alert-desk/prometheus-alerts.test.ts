import { describe, expect, it } from 'vitest';
import { exponentText } from '../../../src/alert-desk/prometheus-alerts.ts';

describe("an alert's value", () => {
  it.each([
    [1, '1e+00'],
    [95.5, '9.55e+01'],
    [0, '0e+00'],
    [-0, '-0e+00'],
    [1.5e-7, '1.5e-07'],
    [1e21, '1e+21'],
    [1.25e100, '1.25e+100'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [NaN, 'NaN'],
  ])('%d is written as Go writes it', (value, text) => {
    expect(exponentText(value)).toBe(text);
  });
});
