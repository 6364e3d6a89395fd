import { describe, expect, it } from 'vitest';
import { tagsOf } from '../../../../src/cli/commands/hosts.ts';
import { endOf } from '../../../../src/cli/commands/keys.ts';
import { confirm } from '../../../../src/cli/commands/lists.ts';
import { generatePassword, newPassword } from '../../../../src/cli/commands/passwords.ts';
import { nameOf } from '../../../../src/cli/commands/query-text.ts';
import { stepFor } from '../../../../src/cli/commands/query.ts';
import { timeoutOf } from '../../../../src/cli/connection.ts';
import { typeInto } from '../../../../src/cli/terminal.ts';
import { createTestTerminal } from '../../../support/terminal.ts';

describe('arguments', () => {
  it('of tags set and take away', () => {
    expect(tagsOf(['role=web', 'note=a=b', 'old-', 'empty='])).toEqual({
      set: { role: 'web', note: 'a=b', empty: '' },
      removed: new Set(['old']),
    });
    expect(() => tagsOf(['role'])).toThrow('"role" is no tag');
    expect(() => tagsOf(['=x'])).toThrow('is no tag');
  });

  it('of time are durations or moments', () => {
    expect(endOf('2h', 0)).toBe('1970-01-01T02:00:00.000Z');
    expect(endOf('2027-01-31T00:00:00Z', 0)).toBe('2027-01-31T00:00:00.000Z');
    expect(() => endOf('soon', 0)).toThrow('expected a duration');
    expect(timeoutOf('2m')).toBe(120_000);
    expect(() => timeoutOf('0s')).toThrow('--timeout');
    expect([60_000, 3_600_000, 7 * 86_400_000].map(stepFor)).toEqual([1, 30, 7_200]);
  });

  it('name a series as PromQL does', () => {
    expect(nameOf({ __name__: 'up' })).toBe('up');
    expect(nameOf({ __name__: 'up', job: 'a"b' })).toBe('up{job="a\\"b"}');
    expect(nameOf({})).toBe('{}');
  });
});

describe('a password', () => {
  it('is made long, of letters that are not misread, and never the same', () => {
    const made = Array.from({ length: 200 }, generatePassword);
    expect(new Set(made).size).toBe(200);
    expect(made.every((one) => /^[a-zA-Z2-9]{20}$/.test(one) && !/[lIO01]/.test(one))).toBe(true);
  });

  it('is typed twice, or comes from standard input, or is asked for nowhere', async () => {
    const at = (given: Parameters<typeof createTestTerminal>[0]) =>
      createTestTerminal(given).terminal.input;
    const typed = await newPassword(at({ answers: ['secret', 'secret'] }), {});
    expect(typed).toEqual({ password: 'secret', isGenerated: false });
    await expect(newPassword(at({ answers: ['a', 'b'] }), {})).rejects.toThrow('not the same');
    const piped = newPassword(at({ stdin: 'from a pipe\nmore' }), { passwordStdin: true });
    expect(await piped).toEqual({ password: 'from a pipe', isGenerated: false });
    await expect(newPassword(at({}), {})).rejects.toThrow('no terminal');
    const empty = newPassword(at({ stdin: '\n' }), { passwordStdin: true });
    await expect(empty).rejects.toThrow('no password');
  });
});

describe('a question', () => {
  it('is answered by --yes or by a person, and by nothing else', async () => {
    const ask = (answers?: string[], isSaid?: boolean) =>
      confirm(createTestTerminal(answers ? { answers } : {}), 'Remove it?', isSaid);
    await expect(ask(undefined, true)).resolves.toBeUndefined();
    await expect(ask(['yes'])).resolves.toBeUndefined();
    await expect(ask([''])).rejects.toMatchObject({ exitCode: 1 });
    await expect(ask()).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe('typing', () => {
  it('takes letters, erases, clears, and leaves out what keys of the arrows send', () => {
    expect(typeInto('ab', 'c\x7f\x7fé\x1b[A')).toMatchObject({ line: 'aé', ended: undefined });
    expect(typeInto('ab', '\x15x')).toMatchObject({ line: 'x' });
  });

  it('ends with Enter and keeps what was typed ahead', () => {
    expect(typeInto('', 'one\r\ntwo\r')).toMatchObject({
      line: 'one',
      ended: 'enter',
      rest: 'two\r',
    });
    expect(typeInto('a', 'b\x03c')).toMatchObject({ line: 'ab', ended: 'interrupt' });
  });
});
