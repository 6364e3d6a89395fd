import { join, resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { buildRooms, compose, migrate } from '../app/index.ts';
import { installPinnedRelease, pinnedRelease } from '../managed/index.ts';
import {
  configReference,
  createLogger,
  createMeters,
  describeConfig,
  GaugewayError,
  loadConfig,
  messageOf,
  type LoadedConfig,
} from '../platform/index.ts';
import { examine } from './doctor.ts';
import { addRuleCommands } from './rules/commands.ts';
import { summaryOf } from './summary.ts';
import { untilTold } from './until-told.ts';

/** Exit codes: 0 as asked; 1 it failed; 2 used or configured wrongly. */
export type ExitCode = 0 | 1 | 2;

export interface Terminal {
  out: (text: string) => void;
  err: (text: string) => void;
  /** Where the bundled agent lies; `up` runs it for this host. */
  agentScript: string;
  /** Where the files lie that put it onto other hosts. */
  installFolder: string;
  /** Where the built migrations lie. */
  /** Renders PDFs in a thread. */
  pdfScript: string;
  migrationsDir: string;
}

interface CommonOptions {
  config?: string;
}

/** Runs one command to its end. */
export async function runProgram(
  argv: readonly string[],
  version: string,
  terminal: Terminal,
): Promise<ExitCode> {
  let code: ExitCode = 0;
  const program = createProgram(version, terminal, (result) => void (code = result));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    terminal.err(`gaugeway: ${describeError(error)}\n`);
    return error instanceof GaugewayError && error.code === 'BAD_REQUEST' ? 2 : 1;
  }
}

function createProgram(
  version: string,
  terminal: Terminal,
  finish: (code: ExitCode) => void,
): Command {
  const program = new Command('gaugeway')
    .description('Prometheus-compatible remote-write backend for system usage dashboards')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .addHelpText('after', '\nExit codes: 0 as asked, 1 it failed, 2 used or configured wrongly.');
  const add = (parent: Command, name: string, description: string): Command =>
    parent
      .command(name)
      .description(description)
      .option('-c, --config <file>', 'YAML file; GAUGEWAY_CONFIG when absent');

  add(program, 'up', 'run everything, stores and an agent for this host included')
    .option('--no-agent', 'without the agent for this host')
    .action((options: CommonOptions & { agent: boolean }) =>
      run(options, options.agent, terminal, version),
    );
  add(program, 'serve', 'run the configured roles against given stores').action(
    (options: CommonOptions) => run(options, undefined, terminal, version),
  );
  add(program, 'migrate', 'bring the database to this version').action(
    async (options: CommonOptions) => {
      const applied = await migrate(load(options), terminal.migrationsDir);
      terminal.out(applied.length === 0 ? 'nothing to do\n' : `${applied.join('\n')}\n`);
    },
  );
  add(program, 'doctor', 'look at what a start would need').action(async (options: CommonOptions) =>
    finish(await doctor(options, terminal)),
  );

  const config = program.command('config').description('the configuration');
  add(config, 'check', 'judge file and environment').action((options: CommonOptions) => {
    load(options);
    terminal.out('the configuration is good\n');
  });
  add(config, 'print', 'what is in force, and where it comes from').action(
    (options: CommonOptions) => terminal.out(describeConfig(load(options))),
  );
  config
    .command('reference')
    .description('the page docs/reference/configuration.md')
    .action(() => terminal.out(configReference()));

  addRuleCommands(program, terminal, (isGood) => finish(isGood ? 0 : 1));

  const victoria = program.command('victoria').description('the managed VictoriaMetrics');
  add(victoria, 'install', `fetch release ${pinnedRelease.version}, checked by its SHA-256`).action(
    async (options: CommonOptions) => {
      const directory = join(resolve(load(options).config.dataDir), 'bin');
      await installPinnedRelease(directory);
      terminal.out(`VictoriaMetrics ${pinnedRelease.version} is in ${directory}\n`);
    },
  );
  return program;
}

function load({ config }: CommonOptions): LoadedConfig {
  return loadConfig(config === undefined ? {} : { file: config });
}

/** `withAgent` is undefined for `serve`, which manages nothing. */
async function run(
  options: CommonOptions,
  withAgent: boolean | undefined,
  terminal: Terminal,
  version: string,
): Promise<void> {
  const told = untilTold();
  const loaded = load(options);
  const isUp = withAgent !== undefined;
  // With `up` a person watches; what goes well is said in words, not in JSON lines.
  const level = isUp && !loaded.given.has('log.level') ? 'warn' : loaded.config.log.level;
  const log = createLogger({ service: 'gaugeway', level });
  const starting = compose(
    {
      loaded,
      log,
      meters: createMeters({ processMetrics: true }),
      managed: isUp,
      version,
      migrationsDir: terminal.migrationsDir,
      pdfScript: terminal.pdfScript,
      agentFiles: { bundle: terminal.agentScript, folder: terminal.installFolder },
      progress: (line) => (isUp ? terminal.out(`${line} …\n`) : log.info(line)),
      ...(withAgent && loaded.config.localAgent ? { agentScript: terminal.agentScript } : {}),
    },
    buildRooms,
  );
  const running = await starting;
  if (isUp) terminal.out(summaryOf(running.serving, loaded.config));
  else log.info('ready', { url: running.serving.url });
  const reason = await told.stopping;
  if (isUp) terminal.out(`\nstopping (${reason}) …\n`);
  log.info('stopping', { reason });
  await running.stop();
  if (isUp) terminal.out('stopped\n');
}

async function doctor(options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  const findings = await examine(load(options));
  for (const { ok, what, detail } of findings) {
    terminal.out(`${ok ? 'ok     ' : 'MISSING'} ${what}: ${detail}\n`);
  }
  return findings.every(({ ok }) => ok) ? 0 : 1;
}

function describeError(error: unknown): string {
  if (error instanceof GaugewayError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}
