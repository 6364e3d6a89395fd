import { expect, it } from 'vitest';
import { createLoginThrottle } from '../../../src/access/login-throttle.ts';
import { createHandClock } from '../../support/access.ts';

it('ten attempts a minute may come per account, from wherever, and per address, for whomever', () => {
  const clock = { ...createHandClock(), monotonicMs: () => now };
  let now = 0;
  const throttle = createLoginThrottle(clock);
  const attempt = (account: string, address: string) => throttle.attempt(account, address) === 0;
  for (let i = 0; i < 10; i += 1) expect(attempt('a@x', `addr-${i}`)).toBe(true);
  expect(throttle.attempt(' A@X ', 'addr-new')).toBe(6);
  for (let i = 0; i < 10; i += 1) expect(attempt(`acc-${i}`, 'one')).toBe(true);
  expect(attempt('acc-new', 'one')).toBe(false);
  expect(attempt('acc-new', 'two')).toBe(true);
  now = 6_000;
  expect(attempt('a@x', 'addr-new')).toBe(true);
  expect(attempt('a@x', 'addr-new')).toBe(false);
});
