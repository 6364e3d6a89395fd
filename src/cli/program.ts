import { join, resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { installPinnedRelease, pinnedRelease } from '../managed/index.ts';
import { GaugewayError, messageOf } from '../platform/index.ts';
import { addAlertCommands } from './commands/alerts.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addBackupCommands } from './commands/backup.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addConfigCommands, load } from './commands/config.ts';
import { addDownsampleCommand } from './commands/downsample.ts';
import { addHostCommands } from './commands/hosts.ts';
import { addKeyCommands } from './commands/keys.ts';
import { addLoginCommands } from './commands/login.ts';
import { addMigrateCommand } from './commands/migrate.ts';
import { addQueryCommand } from './commands/query.ts';
import { addReportCommands } from './commands/reports.ts';
import { addServeCommands, type Installation } from './commands/serve.ts';
import { addTenantCommands } from './commands/tenants.ts';
import { addUserCommands } from './commands/users.ts';
import { addDoctorCommand } from './doctor/doctor.ts';
import { CommandError, exitCodeHelp, exitCodeOf, type ExitCode } from './exit.ts';
import { referenceOf } from './reference.ts';
import { addRuleCommands } from './rules/commands.ts';
import type { Shell } from './session.ts';
import { createProgress } from './show/progress.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command to its end. */
export async function runProgram(
  argv: readonly string[],
  version: string,
  terminal: Terminal & Installation,
): Promise<ExitCode> {
  let code: ExitCode = 0;
  const finish: Shell['finish'] = (result): void => void (code = result);
  const shell: Shell = { terminal, version, nowMs: () => Date.now(), finish };
  const program = createProgram(shell, terminal);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) terminal.err(describeError(error));
    return exitCodeOf(error);
  }
}

export function createProgram(shell: Shell, installation: Installation): Command {
  const { terminal, version } = shell;
  const program = new Command('gaugeway')
    .description('Prometheus-compatible remote-write backend for system usage dashboards')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      // A page that is made of the help must not depend on where it is made.
      getOutHelpWidth: () => terminal.columns ?? 100,
      getErrHelpWidth: () => terminal.columns ?? 100,
      getOutHasColors: () => terminal.colours,
      getErrHasColors: () => false,
    })
    .addHelpText('after', `\n${exitCodeHelp}`);
  program.commandsGroup('Run a server:');
  addServeCommands(program, shell, installation);
  addMigrateCommand(program, shell, installation.migrationsDir);
  addBackupCommands(program, shell, installation.migrationsDir);
  addDownsampleCommand(program, shell);
  addConfigCommands(program, shell);
  addDoctorCommand(program, shell, installation.migrationsDir);
  addVictoriaCommand(program, terminal);
  program.commandsGroup('Ask and change a running server:');
  addLoginCommands(program, shell);
  addHostCommands(program, shell);
  addQueryCommand(program, shell);
  addAlertCommands(program, shell);
  addReportCommands(program, shell);
  addUserCommands(program, shell);
  addTenantCommands(program, shell);
  addKeyCommands(program, shell);
  addAuditCommand(program, shell);
  program.commandsGroup('Other:');
  const help = new Command('help').argument('[command]').description('what a command takes');
  program.addHelpCommand(help.helpGroup('Other:'));
  addRuleCommands(program, shell);
  addCompletionCommand(program, terminal.out);
  program
    .command('reference', { hidden: true })
    .description('the page docs/cli.md')
    .action(() => terminal.out(referenceOf(program)));
  return program;
}

function addVictoriaCommand(program: Command, terminal: Terminal): void {
  const victoria = program.command('victoria').description('the managed VictoriaMetrics');
  victoria
    .command('install')
    .description(`fetch release ${pinnedRelease.version}, checked by its SHA-256`)
    .option('-c, --config <file>', 'YAML file; GAUGEWAY_CONFIG when absent')
    .addHelpText('after', '\nExample:\n  gaugeway victoria install')
    .action(async (options: { config?: string }) => {
      const directory = join(resolve(load(options).config.dataDir), 'bin');
      const progress = createProgress(terminal);
      progress.tell(`fetching VictoriaMetrics ${pinnedRelease.version} …`);
      await installPinnedRelease(directory);
      progress.clear();
      terminal.out(`VictoriaMetrics ${pinnedRelease.version} is in ${directory}\n`);
    });
}

/** One clear line, and what to do; a stack only where it is a bug. */
function describeError(error: unknown): string {
  if (error instanceof CommandError) {
    const hint = error.hint === undefined ? '' : `  ${error.hint}\n`;
    return `gaugeway: ${error.message}\n${hint}`;
  }
  if (error instanceof GaugewayError) return `gaugeway: ${error.message}\n`;
  const text = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  return `gaugeway: ${text}\n`;
}
