import type { Command } from 'commander';
import { askForHours } from '../../app/index.ts';
import { wrongUse } from '../exit.ts';
import type { Shell } from '../session.ts';
import { createProgress } from '../show/progress.ts';
import { plural } from '../show/text.ts';
import { load } from './config.ts';

interface DownsampleOptions {
  from: string;
  to: string;
  tenant?: string;
  wait: boolean;
  config?: string;
}

const barColumns = 30;

export function addDownsampleCommand(program: Command, { terminal }: Shell): void {
  program
    .command('downsample')
    .description('aggregate hours into the tiers once more, by the workers that run')
    .requiredOption('--from <time>', 'RFC 3339; whole hours are taken')
    .requiredOption('--to <time>', 'RFC 3339')
    .option('--tenant <id>', 'of one tenant; of all when absent')
    .option('--no-wait', 'ask for it and do not stay until it is done')
    .option('-c, --config <file>', 'YAML file; GAUGEWAY_CONFIG when absent')
    .addHelpText(
      'after',
      '\nExample:\n  gaugeway downsample --from 2026-11-20T00:00:00Z --to 2026-11-21T00:00:00Z --tenant default',
    )
    .action(async (options: DownsampleOptions) => {
      const progress = createProgress(terminal);
      const total = await askForHours(load(options), {
        ...{ fromMs: timeOf('--from', options.from), toMs: timeOf('--to', options.to) },
        ...{ tenantId: options.tenant, wait: options.wait },
        tell: (done, of) =>
          progress.say(`${bar(done / of)} ${String(done)} of ${plural(of, 'hour')} …`),
      });
      progress.clear();
      const hours = `${plural(total, 'hour')} of tenants in tiers`;
      terminal.out(options.wait ? `done: ${hours}\n` : `asked for: ${hours}\n`);
    });
}

function timeOf(option: string, text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) throw wrongUse(`${option}: expected a time such as 2026-11-20T00:00:00Z`);
  return ms;
}

function bar(share: number): string {
  const filled = Math.round(share * barColumns);
  return `[${'#'.repeat(filled)}${'.'.repeat(barColumns - filled)}]`;
}
