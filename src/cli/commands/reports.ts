import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { messageOf, sleep } from '../../platform/index.ts';
import { CommandError, exitCodes, wrongUse } from '../exit.ts';
import { talks, type Session, type Shell } from '../session.ts';
import { table } from '../show/table.ts';
import { moment, plain, plural } from '../show/text.ts';
import { addPageOptions, findOne, readList, restOf, type PageOptions } from './lists.ts';

interface Exported {
  download_url: string;
  expires_at: string;
}

interface Schedule {
  id: string;
  name: string;
  enabled: boolean;
  format: string;
  time_zone: string;
  next_run_at: string | null;
}

interface Run {
  id: string;
  name: string;
  status: string;
  scheduled_at: string;
  finished_at: string | null;
  error: string | null;
  files: { file_name: string; download_url: string }[];
}

const base = '/api/v1/reports';

/** Exports, and the reports that go out by schedule. */
export function addReportCommands(program: Command, shell: Shell): void {
  const reports = program
    .command('report')
    .description('exports as CSV, and weekly reports')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway report export --host web-1 --metric cpu.utilization --range 24h -o cpu.csv
  gaugeway report export --table hosts > hosts.csv
  gaugeway report schedules
  gaugeway report run 'Weekly report' --wait
  gaugeway report runs --limit 5
  gaugeway report download 01a2…`,
    );
  addExport(reports, shell);
  addSchedules(reports, shell);
  addRuns(reports, shell);
}

interface ExportOptions {
  host?: string;
  metric?: string;
  range?: string;
  start?: string;
  end?: string;
  raw?: boolean;
  table?: string;
  output: string;
  link?: boolean;
}

function addExport(reports: Command, shell: Shell): void {
  const command = reports
    .command('export')
    .description('samples of one metric of one host, or a table, as CSV')
    .option('--host <id>', 'with --metric')
    .option('--metric <name>', 'by its dotted name: cpu.utilization')
    .option('--range <range>', '15m, 1h, 6h, 24h or 7d until now; or --start and --end')
    .option('--start <time>', 'RFC 3339')
    .option('--end <time>', 'RFC 3339')
    .option('--raw', 'every sample as it was sent, whatever the range')
    .option('--table <table>', 'in place of a metric: hosts or alerts')
    .option('-o, --output <file>', 'where to; - is standard output', '-')
    .option('--link', 'print the link, good for an hour, and fetch nothing');
  talks<[], ExportOptions>(shell, command, async (session, options) => {
    const { table: of, host, metric, range, start, end, raw } = options;
    const hasMetric = host !== undefined && metric !== undefined;
    if ((of === undefined) !== hasMetric) throw wrongUse('give --host and --metric, or --table');
    const asked = of === undefined ? { host_id: host, metric } : { table: of };
    const resolution = raw ? 'raw' : undefined;
    const body = { format: 'csv', ...asked, range, start, end, resolution };
    session.progress.say('the server writes the file …');
    const made = await session.remote.send<Exported>('POST', `${base}/export`, { body });
    const { json } = options;
    if (options.link || json) {
      session.show(made, () => `${made.download_url}\n`);
      return;
    }
    await fetchInto(session, made.download_url, options.output);
  });
}

/** A file appears whole or not at all; what went to standard output has gone. */
async function fetchInto(session: Session, link: string, output: string): Promise<void> {
  const { progress, remote, terminal } = session;
  const isFile = output !== '-';
  const onBytes = (bytes: number): void => {
    if (isFile) progress.say(`${(bytes / 1_000_000).toFixed(1)} MB …`);
  };
  const partial = `${output}.part`;
  const into = isFile ? createWriteStream(partial) : terminal.sink();
  try {
    const bytes = await remote.download(link, into, terminal.isWatched ? onBytes : () => undefined);
    progress.clear();
    if (isFile) renameSync(partial, output);
    if (isFile) terminal.err(`${output}: ${plural(bytes, 'byte')}\n`);
  } catch (error) {
    if (isFile) rmSync(partial, { force: true });
    throw error instanceof CommandError
      ? error
      : new CommandError(messageOf(error), { code: exitCodes.failed, cause: error });
  }
}

function addSchedules(reports: Command, shell: Shell): void {
  const list = addPageOptions(reports.command('schedules').description('reports by schedule'));
  talks<[], PageOptions>(shell, list, async (session, options) => {
    const wanted = { path: `${base}/schedules`, name: 'schedules' as const };
    const answer = await readList<'schedules', Schedule>(session, wanted, options);
    session.show(
      answer,
      () => scheduleTable(answer.schedules, session) + restOf(answer.schedules, answer),
    );
  });
  const run = reports
    .command('run')
    .description('make the report of a schedule now')
    .argument('<schedule>', 'id or name')
    .option('--wait', 'until it is made; 1 where it failed');
  talks<[string], { wait?: boolean }>(shell, run, async (session, { wait }, wanted) => {
    const list = { path: `${base}/schedules`, name: 'schedules' as const };
    const schedule = await findOne<Schedule>(
      session,
      { ...list, what: 'schedule', wanted, shownBy: 'report schedules' },
      ({ id, name }) => [id, name],
    );
    const path = `${base}/schedules/${encodeURIComponent(schedule.id)}/run`;
    const begun = await session.remote.send<Run>('POST', path, { body: {} });
    const made = wait ? await untilMade(session, begun) : begun;
    session.show(made, () => runTable([made], session));
    if (made.status === 'failed') shell.finish(1);
  });
}

const lookMs = 1_000;
const isUnderway = (status: string): boolean => /^(queued|running)$/.test(status);

async function untilMade({ remote, progress }: Session, begun: Run): Promise<Run> {
  for (let run = begun; ;) {
    if (!isUnderway(run.status)) return run;
    progress.say(`the report is ${run.status} …`);
    await sleep(lookMs);
    run = await remote.get<Run>(`${base}/runs/${encodeURIComponent(run.id)}`);
  }
}

function addRuns(reports: Command, shell: Shell): void {
  const list = addPageOptions(reports.command('runs').description('reports that were made'));
  talks<[], PageOptions>(shell, list, async (session, options) => {
    const wanted = { path: `${base}/runs`, name: 'runs' as const };
    const answer = await readList<'runs', Run>(session, wanted, options);
    session.show(answer, () => runTable(answer.runs, session) + restOf(answer.runs, answer));
  });
  const download = reports
    .command('download')
    .description('fetch the files of a report that was made')
    .argument('<run>', 'id of the run')
    .option('-d, --directory <directory>', 'where to', '.');
  talks<[string], { directory: string }>(shell, download, async (session, { directory }, id) => {
    const run = await session.remote.get<Run>(`${base}/runs/${encodeURIComponent(id)}`);
    if (run.files.length === 0) {
      throw new CommandError(`the report is ${run.status} and has no files`, {
        code: exitCodes.notFound,
      });
    }
    for (const { file_name: name, download_url: link } of run.files) {
      // A name and no path, whatever the server says.
      await fetchInto(session, link, join(directory, basename(plain(name))));
    }
  });
}

function scheduleTable(schedules: readonly Schedule[], { terminal }: Session): string {
  return table(
    schedules,
    [
      { title: 'NAME', value: ({ name }) => name, canShrink: true },
      { title: 'ENABLED', value: ({ enabled }) => (enabled ? 'yes' : 'no') },
      { title: 'NEXT (UTC)', value: ({ next_run_at: next }) => moment(next) },
      { title: 'ZONE', value: ({ time_zone: zone }) => zone },
      { title: 'FORMAT', value: ({ format }) => format },
      { title: 'ID', value: ({ id }) => id },
    ],
    terminal,
  );
}

function runTable(runs: readonly Run[], { terminal }: Session): string {
  return table(
    runs,
    [
      {
        title: 'STATUS',
        value: ({ status }) => status,
        colour: ({ status }) => (status === 'failed' ? 'red' : undefined),
      },
      { title: 'NAME', value: ({ name }) => name, canShrink: true },
      { title: 'FOR (UTC)', value: ({ scheduled_at: at }) => moment(at) },
      { title: 'FINISHED (UTC)', value: ({ finished_at: at }) => moment(at) },
      { title: 'ERROR', value: ({ error }) => error, canShrink: true },
      { title: 'ID', value: ({ id }) => id },
    ],
    terminal,
  );
}
