import type { Command } from 'commander';
import { CommandError, exitCodes, wrongUse } from '../exit.ts';
import type { Query } from '../remote.ts';
import type { Session } from '../session.ts';
import { plural } from '../show/text.ts';

export interface PageOptions {
  limit: string;
  offset: string;
  all?: boolean;
}

/** The API's lists: the rows under a name of their own, and how many there are. */
export type ListAnswer<N extends string, T> = Record<N, T[]> & {
  total: number;
  limit: number;
  offset: number;
};

/** What the API gives at once. */
const largestPage = 500;

export const addPageOptions = (command: Command): Command =>
  command
    .option('--limit <count>', 'most rows', '50')
    .option('--offset <count>', 'rows to leave out first', '0')
    .option('--all', 'all rows, however many');

/** One page, or all of them as one answer. */
export async function readList<N extends string, T>(
  { remote, progress }: Session,
  { path, name, query = {} }: { path: string; name: N; query?: Query },
  options: PageOptions,
): Promise<ListAnswer<N, T>> {
  if (!options.all) {
    const page = { limit: options.limit, offset: options.offset };
    return remote.get<ListAnswer<N, T>>(path, { ...query, ...page });
  }
  const rows: T[] = [];
  for (;;) {
    const page = { limit: largestPage, offset: rows.length };
    const answer = await remote.get<ListAnswer<N, T>>(path, { ...query, ...page });
    rows.push(...answer[name]);
    if (answer[name].length < largestPage || rows.length >= answer.total) {
      return { ...answer, [name]: rows, limit: rows.length, offset: 0 };
    }
    progress.say(`${String(rows.length)} of ${String(answer.total)} …`);
  }
}

/** Under a table that does not show all. */
export function restOf(
  rows: readonly unknown[],
  { total, offset }: { total: number; offset: number },
): string {
  if (rows.length === total) return '';
  const from = rows.length === 0 ? 0 : offset + 1;
  return `${String(from)} to ${String(offset + rows.length)} of ${String(total)}; --all shows all\n`;
}

/** The one row that a person means by its id, its name or whatever else `names` gives. */
export async function findOne<T>(
  session: Session,
  list: { path: string; name: string; what: string; wanted: string; shownBy: string },
  names: (row: T) => readonly string[],
): Promise<T> {
  const { what, wanted, shownBy } = list;
  const answer = await readList<string, T>(session, list, { limit: '', offset: '', all: true });
  session.progress.clear();
  const found = (answer[list.name] ?? []).filter((row) => names(row).includes(wanted));
  if (found.length > 1) {
    throw wrongUse(`${plural(found.length, what)} are called "${wanted}": give the id`);
  }
  if (found[0] !== undefined) return found[0];
  throw new CommandError(`there is no ${what} "${wanted}"`, {
    code: exitCodes.notFound,
    hint: `\`gaugeway ${shownBy}\` shows them`,
  });
}

/** Asks, or takes `--yes` for the answer where there is nobody to ask. */
export async function confirm(
  { terminal }: Pick<Session, 'terminal'>,
  question: string,
  isSaid: boolean | undefined,
): Promise<void> {
  if (isSaid) return;
  if (!terminal.input.isTty) throw wrongUse(`${question} Say so with --yes.`);
  const answer = await terminal.input.ask(`${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new CommandError('left as it is', { code: exitCodes.failed });
  }
}
