import type { Command } from 'commander';
import { clientSettings, loadConfig, messageOf, type LoadedConfig } from '../../platform/index.ts';
import { connectionOf, localServerOf, type ConnectionOptions } from '../connection.ts';
import {
  addConnectionOptions,
  openLogins,
  openSession,
  type Session,
  type Shell,
} from '../session.ts';
import { coloured, type Colour, type Screen } from '../show/table.ts';
import { look, type Finding, type State } from './finding.ts';
import { examineMachine } from './machine.ts';
import { examineServer, isServing } from './server.ts';
import { examineStores } from './stores.ts';

interface DoctorOptions extends ConnectionOptions {
  json?: boolean;
}

export function addDoctorCommand(program: Command, shell: Shell, migrationsDir: string): void {
  const command = program
    .command('doctor')
    .description('look at this machine, the stores and the server, and say what to do')
    .addHelpText(
      'after',
      `
It starts and changes nothing. Where a server is named, only that server is looked at.
1 means that something does not work; warnings alone are 0.

Examples:
  gaugeway doctor
  gaugeway doctor --url https://gaugeway.example:8080
  gaugeway doctor --json | jq '.findings[] | select(.state != "ok")'`,
    );
  addConnectionOptions(command).action(async (options: DoctorOptions) => {
    const findings = await examine(shell, options, migrationsDir);
    const { terminal } = shell;
    terminal.out(
      options.json
        ? `${JSON.stringify({ findings }, null, 2)}\n`
        : findings.map((finding) => lineOf(finding, terminal)).join(''),
    );
    shell.finish(findings.some(({ state }) => state === 'failed') ? 1 : 0);
  });
}

async function examine(
  shell: Shell,
  options: DoctorOptions,
  migrationsDir: string,
): Promise<Finding[]> {
  const named = options.url ?? clientSettings().url;
  if (named !== undefined) {
    return withSession(shell, { ...options, url: named }, examineServer);
  }
  const loaded = load(options);
  if ('id' in loaded) return [loaded];
  const { url } = localServerOf(loaded);
  return withSession(shell, { ...options, url }, async (session) => {
    const isUp = await isServing(session);
    session.progress.say('looking …');
    const [machine, stores, server] = await Promise.all([
      examineMachine(loaded, isUp ? url : undefined, shell.nowMs()),
      examineStores(loaded, migrationsDir),
      isUp
        ? examineServer(session)
        : [await look('server', 'server', () => `not started at ${url}`)],
    ]);
    return [...machine, ...stores, ...server];
  });
}

async function withSession<T>(
  shell: Shell,
  options: DoctorOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = openSession(shell, options, connectionOf(options, openLogins()));
  try {
    return await work(session);
  } finally {
    session.progress.clear();
    session.remote.close();
  }
}

/** A configuration that is wrong is the one finding: nothing else can be looked at. */
function load({ config }: DoctorOptions): LoadedConfig | Finding {
  try {
    return loadConfig(config === undefined ? {} : { file: config });
  } catch (error) {
    return {
      ...{ id: 'config', what: 'configuration', state: 'failed', detail: messageOf(error) },
      hint: 'docs/reference/configuration.md lists the keys',
    };
  }
}

const looks: Readonly<Record<State, { word: string; colour: Colour }>> = {
  ok: { word: 'ok     ', colour: 'green' },
  warning: { word: 'WARNING', colour: 'yellow' },
  failed: { word: 'FAILED ', colour: 'red' },
};

function lineOf({ what, state, detail, hint }: Finding, screen: Screen): string {
  const { word, colour } = looks[state];
  const told = detail.replaceAll('\n', `\n${' '.repeat(10)}`);
  const line = `${coloured(word, colour, screen)} ${what}: ${told}\n`;
  return hint === null ? line : `${line}          → ${hint}\n`;
}
