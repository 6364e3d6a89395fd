import type { Command } from 'commander';
import { textOf } from '../connection.ts';
import { talks, type Session, type Shell } from '../session.ts';
import { table, type Colour } from '../show/table.ts';
import { pairs, plain, plural } from '../show/text.ts';

interface Facts {
  hostname: string;
  ips: string[];
  tags: Record<string, string>;
}

interface Plan {
  dry_run: boolean;
  created: number;
  changed: number;
  unchanged: number;
  rejected: { line: number; reason: string; message?: string }[];
  changes: Change[];
}

interface Change {
  line: number;
  id: string;
  action: 'create' | 'change';
  before: Facts | null;
  after: Facts;
}

interface ImportOptions {
  dryRun?: boolean;
  onError: string;
}

const mostShown = 50;

export function addImportCommand(hosts: Command, shell: Shell): void {
  const command = hosts
    .command('import')
    .description('add and change hosts from a CSV file')
    .argument(
      '<file>',
      'columns hostname and, where you have them, id, ips, tags, tag.NAME; - is standard input',
    )
    .option('--dry-run', 'say what would change, and change nothing')
    .option('--on-error <what>', 'with a bad row: abort (nothing is applied) or skip (it)', 'abort')
    .addHelpText(
      'after',
      `
A file, with the names of its columns in the first line:
  hostname,id,ips,tags
  web-1.local,web-1,10.0.0.1;10.0.0.2,role=web;zone=eu

Examples:
  gaugeway host import hosts.csv --dry-run
  gaugeway host import hosts.csv
  cmdb-export | gaugeway host import - --on-error skip`,
    );
  talks<[string], ImportOptions>(shell, command, async (session, options, file) => {
    const content = file === '-' ? await session.terminal.input.readAll() : textOf(file);
    session.progress.say(`sending ${plural(content.split('\n').length - 1, 'line')} …`);
    const plan = await session.remote.send<Plan>('POST', '/api/v1/hosts/import', {
      query: { dry_run: String(options.dryRun === true), on_error: options.onError },
      text: { type: 'text/csv', content },
    });
    session.show(plan, () => planText(plan, session));
    // Of an import that left rows out a script must hear.
    if (plan.rejected.length > 0) shell.finish(1);
  });
}

function planText(plan: Plan, { terminal }: Session): string {
  const { changes, rejected, dry_run: isDry } = plan;
  const shown = changes.slice(0, mostShown);
  const left = changes.length - shown.length;
  const rows = table(
    shown,
    [
      { title: 'LINE', value: ({ line }) => String(line), isNumber: true },
      {
        title: '',
        value: ({ action }) => signs[action].text,
        colour: ({ action }) => signs[action].colour,
      },
      { title: 'ID', value: ({ id }) => id, canShrink: true },
      { title: 'WHAT', value: differenceOf, canShrink: true },
    ],
    terminal,
  );
  const refused = rejected.map(
    ({ line, reason, message }) => `line ${String(line)}: ${plain(message ?? reason)}\n`,
  );
  const [created, changed] = isDry ? ['would be made', 'would change'] : ['made', 'changed'];
  const counts = [
    `${String(plan.created)} ${created}`,
    `${String(plan.changed)} ${changed}`,
    `${String(plan.unchanged)} as they are`,
    `${String(rejected.length)} refused`,
  ];
  return [
    ...(changes.length > 0 ? [rows] : []),
    ...(left > 0 ? [`… and ${String(left)} more; --json tells all\n`] : []),
    ...refused,
    `${counts.join(', ')}\n`,
  ].join('');
}

const signs: Readonly<Record<Change['action'], { text: string; colour: Colour }>> = {
  create: { text: '+', colour: 'green' },
  change: { text: '~', colour: 'yellow' },
};

/** What is new, field by field. */
function differenceOf({ before, after }: Change): string {
  const now = wordsOf(after);
  const then = before ? wordsOf(before) : undefined;
  return Object.entries(now)
    .filter(([field, value]) => value !== (then?.[field] ?? ''))
    .map(([field, value]) =>
      then ? `${field}: ${then[field] || 'none'} → ${value || 'none'}` : `${field}: ${value}`,
    )
    .join('; ');
}

const wordsOf = ({ hostname, ips, tags }: Facts): Record<string, string> => ({
  ...{ hostname, ips: ips.join(' '), tags: pairs(tags) },
});
