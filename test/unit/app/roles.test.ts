import { expect, it } from 'vitest';
import { expandRoles, roleTable } from '../../../src/app/index.ts';

it('all is every role of the table', () => {
  expect([...expandRoles(['all'])].sort()).toEqual(Object.keys(roleTable).sort());
  expect(expandRoles(['api', 'all']).size).toBe(4);
});

it('named roles are those alone', () => {
  expect([...expandRoles(['api', 'ruler'])]).toEqual(['api', 'ruler']);
});
