import { expect, it } from 'vitest';
import { createLabelCache } from '../../../../exporter-agent/collect/node/labels.ts';

it('gives one list per value, and does not keep every value there ever was', () => {
  const labelsOf = createLabelCache('process');
  const first = labelsOf('first');
  expect(first).toEqual([['process', 'first']]);
  expect(labelsOf('first')).toBe(first);
  for (let n = 0; n < 1_000; n += 1) labelsOf(`p${n}`);
  expect(labelsOf('first')).toEqual(first);
  expect(labelsOf('first')).not.toBe(first);
});
