import { CommanderError } from 'commander';
import { GaugewayError } from '../platform/index.ts';

/** How a command ended; scripts rely on these numbers. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notAllowed: 4,
  notFound: 5,
  conflict: 6,
  tooMany: 7,
  partial: 8,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeHelp = [
  'Exit codes:',
  '  0    as asked',
  '  1    it failed',
  '  2    used or configured wrongly, or the input was refused',
  '  3    the server cannot be reached, or cannot answer now',
  '  4    not logged in, or not allowed',
  '  5    there is no such thing',
  '  6    it is in the way of something else',
  '  7    too many requests; come again later',
  '  8    done in part; standard error says what is left to do',
  '  130  Ctrl-C',
].join('\n');

interface Failure {
  code: ExitCode;
  /** What a person can do about it. */
  hint?: string | undefined;
  cause?: unknown;
}

/** An expected end of a command, told in one line. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(message: string, { code, hint, cause }: Failure) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = code;
    this.hint = hint;
  }
}

export const wrongUse = (message: string, hint?: string): CommandError =>
  new CommandError(message, { code: exitCodes.usage, hint });

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  // Help that was asked for is no mistake.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (!(error instanceof GaugewayError)) return exitCodes.failed;
  if (error.code === 'BAD_REQUEST') return exitCodes.usage;
  return error.code === 'NOT_FOUND' ? exitCodes.notFound : exitCodes.failed;
}
