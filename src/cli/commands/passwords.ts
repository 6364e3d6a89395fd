import { randomInt } from 'node:crypto';
import { wrongUse } from '../exit.ts';
import type { Input } from '../terminal.ts';

export interface PasswordOptions {
  passwordStdin?: boolean;
  generate?: boolean;
}

const generatedLength = 20;
/** Without what is misread: 0 and O, 1, l and I. */
const letters = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** More than 115 bits. */
export const generatePassword = (): string =>
  Array.from({ length: generatedLength }, () => letters[randomInt(letters.length)]).join('');

/** A new password from wherever the options say: generated, from standard input, or typed twice. */
export async function newPassword(
  input: Input,
  { passwordStdin, generate }: PasswordOptions,
): Promise<{ password: string; isGenerated: boolean }> {
  if (passwordStdin && generate) throw wrongUse('--password-stdin and --generate: one of them');
  if (generate) return { password: generatePassword(), isGenerated: true };
  if (passwordStdin) return { password: await firstLine(input), isGenerated: false };
  if (!input.isTty) {
    throw wrongUse(
      'there is no terminal to ask for the password at',
      'give it with --password-stdin, or let one be made with --generate',
    );
  }
  const password = await input.askHidden('new password: ');
  if (password !== (await input.askHidden('once more: '))) throw wrongUse('they are not the same');
  return { password, isGenerated: false };
}

/** The password of whoever runs the command. */
export async function ownPassword(
  input: Input,
  question: string,
  isFromStdin: boolean | undefined,
): Promise<string> {
  if (isFromStdin) return firstLine(input);
  if (!input.isTty) {
    throw wrongUse(
      'there is no terminal to ask for the password at',
      'give it with --password-stdin',
    );
  }
  return input.askHidden(question);
}

async function firstLine(input: Input): Promise<string> {
  const [line = ''] = (await input.readAll()).split(/\r?\n/, 1);
  if (line === '') throw wrongUse('standard input holds no password');
  return line;
}
