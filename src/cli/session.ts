import type { Command } from 'commander';
import { sleep } from '../platform/index.ts';
import { clientSettings } from '../platform/index.ts';
import { CommandError, exitCodes } from './exit.ts';
import { connectionOf, type Connection, type ConnectionOptions } from './connection.ts';
import { createLogins, type Login, type Logins } from './logins.ts';
import { loginHint } from './refusal.ts';
import { createRemote, type Remote } from './remote.ts';
import { createProgress, type Progress } from './show/progress.ts';
import type { Terminal } from './terminal.ts';

/** What every command is given. */
export interface Shell {
  terminal: Terminal;
  version: string;
  nowMs: () => number;
  finish: (code: 0 | 1 | 8) => void;
}

export interface RemoteOptions extends ConnectionOptions {
  json?: boolean;
}

/** One command's conversation with a server. */
export interface Session {
  remote: Remote;
  terminal: Terminal;
  progress: Progress;
  nowMs: () => number;
  /** The API's answer as it is with `--json`, and else what people read. */
  show: (answer: unknown, text: () => string) => void;
}

/** Options of every command that talks to a server. */
export function addConnectionOptions(command: Command): Command {
  return command
    .option('--json', "print the API's answer as it is")
    .optionsGroup('Which server, and as whom:')
    .option(
      '--url <url>',
      'the server; GAUGEWAY_URL when absent, then the one logged in to, then that of this machine',
    )
    .option(
      '--key <key>',
      'an API key; GAUGEWAY_KEY when absent. Others on this machine can see it: rather --key-file',
    )
    .option('--key-file <file>', 'a file that holds an API key; GAUGEWAY_KEY_FILE when absent')
    .option(
      '--ca <file>',
      'PEM of an authority to trust besides the usual ones; GAUGEWAY_CA_FILE when absent',
    )
    .option('--timeout <duration>', 'longest wait for an answer', '30s')
    .option('-c, --config <file>', 'of the server of this machine; GAUGEWAY_CONFIG when absent');
}

type Act<A extends readonly unknown[], O> = (
  session: Session,
  options: O & RemoteOptions,
  ...args: A
) => Promise<void>;

/** Makes of a command one that talks to a server: its connection is there before it begins and closed after it. */
export function talks<A extends readonly unknown[], O>(
  shell: Shell,
  command: Command,
  act: Act<A, O>,
): Command {
  return addConnectionOptions(command).action(async (...given: unknown[]) => {
    // Commander gives the arguments, then the options, then the command.
    const options = given.at(-2) as O & RemoteOptions;
    const session = openSession(shell, options);
    const { progress, remote } = session;
    const interrupted = (): void => {
      progress.clear();
      process.exit(exitCodes.interrupted);
    };
    process.once('SIGINT', interrupted);
    try {
      await act(session, options, ...(given.slice(0, -2) as unknown as A));
    } finally {
      process.off('SIGINT', interrupted);
      progress.clear();
      remote.close();
    }
  });
}

export function openLogins(): Logins {
  return createLogins({ directory: clientSettings().directory, sleep });
}

export function openSession(
  shell: Shell,
  options: RemoteOptions,
  connection: Connection = connectionOf(options, openLogins()),
): Session {
  const { terminal, version, nowMs } = shell;
  const progress = createProgress(terminal);
  const remote = createRemote({
    ...{ url: connection.url, ca: connection.ca, timeoutMs: connection.timeoutMs },
    ...{ version, progress, sleep },
    authorization: authorizationOf(shell, connection),
  });
  return {
    ...{ remote, terminal, progress, nowMs },
    show(answer, text) {
      progress.clear();
      terminal.out(options.json ? `${JSON.stringify(answer, null, 2)}\n` : text());
    },
  };
}

/** An access token that ends while a request is on its way would be a refusal for nothing. */
const spareMs = 20_000;

function authorizationOf(shell: Shell, connection: Connection): () => Promise<string | undefined> {
  const { credential, url } = connection;
  if (credential.kind === 'none') return () => Promise.resolve(undefined);
  if (credential.kind === 'key') return () => Promise.resolve(`Bearer ${credential.key}`);
  const logins = openLogins();
  const fresh = (): string | undefined => {
    const login = logins.of(url);
    return login && login.accessExpiresAtMs - shell.nowMs() > spareMs
      ? login.accessToken
      : undefined;
  };
  return async () =>
    fresh() ?? logins.alone(async () => fresh() ?? (await renew(shell, connection, logins)));
}

export interface Granted {
  token: string;
  role: string;
  expires_at: string;
  refresh_token: string;
}

export const toLogin = (granted: Granted, email: string): Login => ({
  ...{ email, role: granted.role, refreshToken: granted.refresh_token },
  ...{ accessToken: granted.token, accessExpiresAtMs: Date.parse(granted.expires_at) },
});

/** Spends the refresh token; the one that comes for it is kept before anything else happens. */
async function renew(shell: Shell, connection: Connection, logins: Logins): Promise<string> {
  const { url } = connection;
  const before = logins.of(url);
  const ended = (cause?: unknown): CommandError =>
    new CommandError(`the login to ${url} has ended`, {
      ...{ code: exitCodes.notAllowed, hint: loginHint, cause },
    });
  if (!before) throw ended();
  const { remote } = openSession(
    shell,
    { timeout: '30s' },
    { ...connection, credential: { kind: 'none' } },
  );
  try {
    const body = { refresh_token: before.refreshToken };
    const granted = await remote.send<Granted>('POST', '/api/v1/auth/refresh', { body });
    const login = { ...before, ...toLogin(granted, before.email) };
    logins.save(url, login);
    return login.accessToken;
  } catch (error) {
    const isOver = error instanceof CommandError && error.exitCode === exitCodes.notAllowed;
    if (!isOver) throw error;
    logins.remove(url);
    throw ended(error);
  } finally {
    remote.close();
  }
}
