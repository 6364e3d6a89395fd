import type { Command } from 'commander';
import { withSchema, type Schema } from '../../app/index.ts';
import { loadConfig } from '../../platform/index.ts';
import { exitCodes, CommandError, wrongUse } from '../exit.ts';
import type { Shell } from '../session.ts';
import { createProgress } from '../show/progress.ts';
import { table } from '../show/table.ts';
import { confirm } from './lists.ts';

interface MigrateOptions {
  config?: string;
  status?: boolean;
  to?: string;
  down?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function addMigrateCommand(program: Command, shell: Shell, migrationsDir: string): void {
  program
    .command('migrate')
    .description('bring the database to this version')
    .option('--status', 'say what is applied and what is not, and change nothing')
    .option('--to <migration>', 'apply, or take back, until this one is the last')
    .option('--down', 'take the last one back; what it held is gone')
    .option('-y, --yes', 'do not ask before something is taken back')
    .option('--json', 'what was found or done, for programs')
    .option('-c, --config <file>', 'YAML file; GAUGEWAY_CONFIG when absent')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway migrate --status
  gaugeway migrate
  gaugeway migrate --to 202611231000_extend_hosts`,
    )
    .action(async (options: MigrateOptions) => {
      const ways = [options.status, options.to, options.down].filter(Boolean);
      if (ways.length > 1) throw wrongUse('--status, --to and --down: one of them');
      const loaded = loadConfig(options.config === undefined ? {} : { file: options.config });
      await withSchema(loaded, migrationsDir, (schema) =>
        options.status ? tell(schema, shell, options) : move(schema, shell, options),
      );
    });
}

async function tell(schema: Schema, { terminal }: Shell, { json }: MigrateOptions): Promise<void> {
  const state = await schema.state();
  if (json) {
    terminal.out(`${JSON.stringify(state, null, 2)}\n`);
    return;
  }
  const rows = [
    ...state.applied.map((name) => ({ name, is: 'applied' })),
    ...state.pending.map((name) => ({ name, is: 'pending' })),
  ];
  const columns = [
    { title: 'MIGRATION', value: ({ name }: { name: string }) => name },
    { title: 'STATE', value: ({ is }: { is: string }) => is },
  ];
  terminal.out(table(rows, columns, terminal));
}

async function move(schema: Schema, shell: Shell, options: MigrateOptions): Promise<void> {
  const { terminal } = shell;
  const { applied, pending } = await schema.state();
  const last = options.down ? lastButOne(applied) : options.to;
  const isBack = last !== undefined && applied.includes(last);
  const taken = isBack ? applied.slice(applied.indexOf(last) + 1) : [];
  if (taken.length > 0) {
    await confirm(shell, `Take back ${taken.join(', ')}? What it held is gone.`, options.yes);
  }
  const progress = createProgress(terminal);
  if (pending.length > 0 && !isBack) progress.tell(`${String(pending.length)} to apply …`);
  const done =
    last === undefined ? { applied: await schema.up(), undone: [] } : await schema.to(last);
  progress.clear();
  const lines = [...done.applied, ...done.undone.map((name) => `taken back: ${name}`)];
  const text = lines.length === 0 ? 'nothing to do' : lines.join('\n');
  terminal.out(`${options.json ? JSON.stringify(done, null, 2) : text}\n`);
}

function lastButOne(applied: readonly string[]): string {
  const last = applied.at(-2);
  if (last !== undefined) return last;
  throw new CommandError('the first migration is not taken back: drop the database instead', {
    code: exitCodes.conflict,
  });
}
