import type { Command } from 'commander';
import { checkBackup, makeBackup, restoreBackup, type BackupManifest } from '../../app/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Shell } from '../session.ts';
import { createProgress } from '../show/progress.ts';
import { table } from '../show/table.ts';
import { byteText } from '../show/text.ts';
import { load } from './config.ts';

interface Options {
  config?: string;
  json?: boolean;
  check?: boolean;
}

type Part = BackupManifest['parts'][number];

export function addBackupCommands(program: Command, shell: Shell, migrationsDir: string): void {
  program
    .command('backup')
    .argument('<folder>', 'a new or empty one')
    .description('hold everything of this installation, while it runs or rests')
    .option('--json', 'the parts, for programs')
    .option('-c, --config <file>', 'YAML file; GAUGEWAY_CONFIG when absent')
    .addHelpText('after', '\nExample:\n  gaugeway backup /backups/$(date +%F)')
    .action((folder: string, options: Options) =>
      guarded(shell, async (signal, tell) => {
        const { version } = shell;
        const manifest = await makeBackup({
          ...{ loaded: load(options), folder, version, migrationsDir, tell, signal },
        });
        report(shell, manifest, options);
        warn(
          shell,
          manifest.parts
            .filter(({ isHeld }) => !isHeld)
            .map((one) => `${one.name}: ${one.note ?? ''}`),
        );
      }),
    );
  program
    .command('restore')
    .argument('<folder>', 'what `gaugeway backup` made')
    .description('lay a backup into an empty data directory; the server must not run')
    .option(
      '--check',
      'say whether it is whole and of a version that is known, and restore nothing',
    )
    .option('--json', 'the parts, for programs')
    .option('-c, --config <file>', 'YAML file; GAUGEWAY_CONFIG when absent')
    .addHelpText(
      'after',
      '\nExamples:\n  gaugeway restore --check /backups/2026-11-23\n  GAUGEWAY_DATA_DIR=/var/lib/gaugeway gaugeway restore /backups/2026-11-23',
    )
    .action((folder: string, options: Options) =>
      guarded(shell, async (signal, tell) => {
        if (options.check) {
          report(shell, await checkBackup({ folder, migrationsDir, tell }), options);
          return;
        }
        const loaded = load(options);
        const restored = await restoreBackup({ loaded, folder, migrationsDir, tell, signal });
        report(shell, restored.manifest, options);
        warn(shell, restored.notes);
      }),
    );
}

type Tell = (what: string, bytes: number) => void;

/** Ctrl-C and SIGTERM leave nothing half done. */
async function guarded(
  { terminal }: Shell,
  work: (signal: AbortSignal, tell: Tell) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const interrupted = (): void => stop.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, interrupted);
  const progress = createProgress(terminal);
  try {
    await work(stop.signal, (what, bytes) => progress.say(`${what}: ${byteText(bytes)} …`));
  } catch (error) {
    if (stop.signal.aborted) {
      const code = exitCodes.interrupted;
      throw new CommandError('interrupted; nothing was left behind', { code, cause: error });
    }
    if (!(error instanceof GaugewayError) || error.code !== 'CONFLICT') throw error;
    throw new CommandError(error.message, { code: exitCodes.conflict, cause: error });
  } finally {
    progress.clear();
    for (const name of signals) process.off(name, interrupted);
  }
}

function report({ terminal }: Shell, manifest: BackupManifest, { json }: Options): void {
  const { version, createdAt, migrations, parts } = manifest;
  if (json) {
    const told = parts.map(({ name, isHeld, bytes, files, note }) => ({
      ...{ name, held: isHeld, bytes, files: files.length, note: note ?? null },
    }));
    const answer = { version, created_at: createdAt, schema: migrations.at(-1), parts: told };
    terminal.out(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  const columns = [
    { title: 'PART', value: ({ name }: Part) => name },
    { title: 'HELD', value: ({ isHeld }: Part) => (isHeld ? 'yes' : 'no') },
    { title: 'FILES', value: ({ files }: Part) => String(files.length), isNumber: true },
    { title: 'BYTES', value: ({ bytes }: Part) => byteText(bytes), isNumber: true },
  ];
  terminal.out(`version ${version}, ${createdAt}, schema ${migrations.at(-1) ?? ''}\n`);
  terminal.out(table(parts, columns, terminal));
}

/** What is left to be done makes it another exit code: scripts must not take it for whole. */
function warn(shell: Shell, notes: readonly string[]): void {
  for (const note of notes) shell.terminal.err(`${note}\n`);
  if (notes.length > 0) shell.finish(exitCodes.partial);
}
