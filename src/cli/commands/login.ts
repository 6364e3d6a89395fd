import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CommandError, exitCodes } from '../exit.ts';
import { connectionOf } from '../connection.ts';
import {
  addConnectionOptions,
  openLogins,
  openSession,
  toLogin,
  type Granted,
  type RemoteOptions,
  type Shell,
} from '../session.ts';
import { ownPassword } from './passwords.ts';

interface LoginOptions extends RemoteOptions {
  email?: string;
  passwordStdin?: boolean;
}

const noCredential = { kind: 'none' } as const;

export function addLoginCommands(program: Command, shell: Shell): void {
  const login = program
    .command('login')
    .description('log in to a server, for the commands after this one')
    .option('--email <address>', 'of the user; asked for when absent')
    .option('--password-stdin', 'take the password from standard input')
    .addHelpText(
      'after',
      `
What is kept: a session of seven days, renewed with each use, in a file that only you can read
(~/.config/gaugeway/login.json). The password is not kept.

Examples:
  gaugeway login
  gaugeway login --url https://gaugeway.example:8080 --email ana@example.com
  pass gaugeway | gaugeway login --email ana@example.com --password-stdin`,
    );
  addConnectionOptions(login).action((options: LoginOptions) => logIn(shell, options));
  const logout = program
    .command('logout')
    .description('end the session, here and at the server')
    .addHelpText('after', '\nExample:\n  gaugeway logout');
  addConnectionOptions(logout).action((options: RemoteOptions) => logOut(shell, options));
}

async function logIn(shell: Shell, options: LoginOptions): Promise<void> {
  const { input } = shell.terminal;
  const connection = { ...connectionOf(options, openLogins()), credential: noCredential };
  const session = openSession(shell, options, connection);
  const { remote } = session;
  try {
    const email = options.email ?? (await input.ask(`e-mail at ${remote.url}: `));
    const password = await ownPassword(input, 'password: ', options.passwordStdin);
    const body = { email, password };
    const granted = await remote.send<Granted>('POST', '/api/v1/auth/login', { body }).catch(wrong);
    const logins = openLogins();
    const caFile = options.ca === undefined ? {} : { caFile: resolve(options.ca) };
    logins.save(remote.url, { ...toLogin(granted, email), ...caFile });
    logins.choose(remote.url);
    session.show(
      { url: remote.url, email, role: granted.role },
      () => `logged in to ${remote.url} as ${email} (${granted.role})\n`,
    );
  } finally {
    remote.close();
  }
}

/** Here the way out is not to log in. */
function wrong(error: unknown): never {
  if (error instanceof CommandError && error.exitCode === exitCodes.notAllowed) {
    throw new CommandError(error.message, { code: error.exitCode, cause: error });
  }
  throw error;
}

/** Ends here also where the server cannot be reached, and says so. */
async function logOut(shell: Shell, options: RemoteOptions): Promise<void> {
  const logins = openLogins();
  const connection = connectionOf(options, logins);
  const { url } = connection;
  if (logins.of(url) === undefined) {
    throw new CommandError(`nobody is logged in to ${url}`, { code: exitCodes.notFound });
  }
  const session = openSession(shell, options, { ...connection, credential: { kind: 'login' } });
  try {
    await session.remote.send('POST', '/api/v1/auth/logout', { body: {} });
  } catch (error) {
    const isOver = error instanceof CommandError && error.exitCode === exitCodes.notAllowed;
    if (!isOver) throw error;
  } finally {
    session.remote.close();
    logins.remove(url);
  }
  session.show({ url, status: 'ok' }, () => `logged out of ${url}\n`);
}
