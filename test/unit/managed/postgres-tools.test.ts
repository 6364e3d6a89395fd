import { expect, it } from 'vitest';
import { withoutPassword } from '../../../src/managed/postgres-tools.ts';

it.each([
  [
    'postgres://u:p%40ss@db:5432/g?sslmode=require',
    'postgres://u@db:5432/g?sslmode=require',
    'p@ss',
  ],
  ['postgres://u:pw@/g?host=%2Frun', 'postgres://u@/g?host=%2Frun', 'pw'],
  ['postgresql://u@db/g', 'postgresql://u@db/g', undefined],
  ['postgres://db/g?options=a:b@c', 'postgres://db/g?options=a:b@c', undefined],
])('the password of %s is not on the command line', (url, address, password) => {
  expect(withoutPassword(url)).toEqual({ address, password });
});
