import type { Command } from 'commander';
import { buildRooms, compose } from '../../app/index.ts';
import { createLogger, createMeters } from '../../platform/index.ts';
import type { Shell } from '../session.ts';
import { summaryOf } from '../summary.ts';
import { untilTold } from '../until-told.ts';
import { load } from './config.ts';

/** Where the parts of this installation lie. */
export interface Installation {
  /** The bundled agent; `up` runs it for this host. */
  agentScript: string;
  /** The files that put it onto other hosts. */
  installFolder: string;
  /** Renders PDFs in a thread. */
  pdfScript: string;
  /** The built migrations. */
  migrationsDir: string;
}

interface ServeOptions {
  config?: string;
}

export function addServeCommands(program: Command, shell: Shell, installation: Installation): void {
  program
    .command('up')
    .description('run everything, stores and an agent for this host included')
    .option('--no-agent', 'without the agent for this host')
    .option('-c, --config <file>', 'YAML file; GAUGEWAY_CONFIG when absent')
    .addHelpText(
      'after',
      '\nExamples:\n  gaugeway up\n  GAUGEWAY_LISTEN=127.0.0.1:8081 gaugeway up --no-agent',
    )
    .action((options: ServeOptions & { agent: boolean }) =>
      run(options, options.agent, shell, installation),
    );
  program
    .command('serve')
    .description('run the configured roles against given stores')
    .option('-c, --config <file>', 'YAML file; GAUGEWAY_CONFIG when absent')
    .addHelpText(
      'after',
      '\nExamples:\n  gaugeway serve --config gaugeway.yaml\n  GAUGEWAY_ROLES=api gaugeway serve -c gaugeway.yaml',
    )
    .action((options: ServeOptions) => run(options, undefined, shell, installation));
}

/** `withAgent` is undefined for `serve`, which manages nothing. */
async function run(
  options: ServeOptions,
  withAgent: boolean | undefined,
  { terminal, version }: Shell,
  installation: Installation,
): Promise<void> {
  const { agentScript, installFolder, migrationsDir, pdfScript } = installation;
  const told = untilTold();
  const loaded = load(options);
  const isUp = withAgent !== undefined;
  // With `up` a person watches; what goes well is said in words, not in JSON lines.
  const level = isUp && !loaded.given.has('log.level') ? 'warn' : loaded.config.log.level;
  const log = createLogger({ service: 'gaugeway', level });
  const running = await compose(
    {
      ...{ loaded, log, version, migrationsDir, pdfScript },
      meters: createMeters({ processMetrics: true }),
      managed: isUp,
      agentFiles: { bundle: agentScript, folder: installFolder },
      progress: (line) => (isUp ? terminal.out(`${line} …\n`) : log.info(line)),
      ...(withAgent && loaded.config.localAgent ? { agentScript } : {}),
    },
    buildRooms,
  );
  if (isUp) terminal.out(summaryOf(running.serving, loaded.config));
  else log.info('ready', { url: running.serving.url });
  const reason = await told.stopping;
  if (isUp) terminal.out(`\nstopping (${reason}) …\n`);
  log.info('stopping', { reason });
  await running.stop();
  if (isUp) terminal.out('stopped\n');
}
