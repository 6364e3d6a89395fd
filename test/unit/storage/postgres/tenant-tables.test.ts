import { expect, it } from 'vitest';
import { childrenFirst } from '../../../../src/storage/postgres/tenant-tables.ts';

it('tables that refer to others come before them, however they are named', () => {
  const tables = ['a', 'b', 'c', 'd'];
  const ordered = childrenFirst(tables, [
    ['c', 'b'],
    ['b', 'a'],
    ['a', 'tenants'],
    ['d', 'd'],
  ]);
  expect(ordered).toEqual(['c', 'b', 'a', 'd']);
});
