import { expect, it } from 'vitest';
import { readCredential } from '../../../src/access/credential.ts';

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

it.each([
  ['Bearer gwk_abc', { kind: 'key', text: 'gwk_abc' }],
  ['bearer  a.b.c', { kind: 'token', text: 'a.b.c' }],
  [basic('prometheus:gwk_abc'), { kind: 'key', text: 'gwk_abc' }],
  [basic(':gwk:with:colons'), { kind: 'key', text: 'gwk:with:colons' }],
  [basic('no colon'), { kind: 'malformed' }],
  ['Bearer', { kind: 'malformed' }],
  ['Bearer ', { kind: 'malformed' }],
  ['Bearer a b', { kind: 'malformed' }],
  ['Digest x', { kind: 'malformed' }],
  ['', { kind: 'malformed' }],
  [`Bearer ${'a'.repeat(5_000)}`, { kind: 'malformed' }],
])('%s is read as what it is', (header, credential) => {
  expect(readCredential(header)).toEqual(credential);
});
