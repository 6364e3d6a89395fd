import { describe, expect, it } from 'vitest';
import { createPasswords, generatePassword } from '../../../src/access/passwords.ts';

const passwords = createPasswords({ cost: 4, concurrency: 1, maxWaiting: 2 });
const long = 'x'.repeat(72);

describe('a password', () => {
  it('matches its hash and no other, the made ones included', async () => {
    const made = generatePassword();
    const hashed = await passwords.hash(made);
    expect(hashed).toMatch(/^\$2b\$04\$/);
    expect(await passwords.matches(made, hashed)).toBe(true);
    expect(await passwords.matches(`${made}x`, hashed)).toBe(false);
  });

  it('needs 12 characters and has at most the 72 bytes that bcrypt reads', async () => {
    await expect(passwords.hash('x'.repeat(11))).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(passwords.hash(`${long}x`)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(passwords.hash('ü'.repeat(37))).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    const hashed = await passwords.hash(long);
    expect(await passwords.matches(long, hashed)).toBe(true);
    expect(await passwords.matches(`${long}anything`, hashed)).toBe(false);
  });

  it('is compared for an account that is not there, and never right', async () => {
    expect(await passwords.matches('whatever', undefined)).toBe(false);
  });

  it('waits for its turn, and is turned away where too many wait', async () => {
    const turns = Array.from({ length: 4 }, () => passwords.hash(long));
    const outcomes = await Promise.allSettled(turns);
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...['fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
    ]);
    expect(await passwords.hash(long)).toMatch(/^\$2b\$/);
  });
});
