import { parse } from 'csv-parse/sync';
import { GaugewayError, messageOf } from '../platform/index.ts';
import { hostIdSchema, ipSchema, type Tags } from './host.ts';
import { printableText, tagNameSchema, tagValueSchema } from './tags.ts';

/** Why a row of a file is not taken; the words are public API. */
export type RowRefusal =
  | 'wrong_columns'
  | 'missing_hostname'
  | 'bad_hostname'
  | 'bad_id'
  | 'bad_ip'
  | 'bad_tag'
  | 'duplicate_id'
  | 'too_many_hosts';

export interface RejectedRow {
  /** Of the file, the header is line 1. */
  line: number;
  reason: RowRefusal;
  message: string;
}

/** What a row says; an absent or empty cell says nothing. */
export interface ImportRow {
  line: number;
  id?: string;
  hostname: string;
  ips?: readonly string[];
  tags?: Tags;
}

export interface ParsedHosts {
  rows: ImportRow[];
  rejected: RejectedRow[];
}

const maxRows = 10_000;
const columns = ['id', 'hostname', 'ips', 'tags'] as const;
const hostnameSchema = printableText(255);
const separators = /[;\s]+/;

interface Line {
  record: string[];
  info: { lines: number; invalid_field_length: number };
}

/**
 * `hostname`, and where they are there `id`, `ips` (by spaces or semicolons), `tags` (`role=web;zone=us-west`) and
 * columns `tag.NAME`. Throws BAD_REQUEST for a file that is none of these.
 */
export function parseHostsCsv(text: string): ParsedHosts {
  const [header, ...lines] = linesOf(text);
  if (!header) throw new GaugewayError('BAD_REQUEST', 'the file is empty');
  const names = header.record.map((name) => name.trim());
  requireColumns(names);
  if (lines.length > maxRows) {
    throw new GaugewayError('BAD_REQUEST', `a file has at most ${maxRows} hosts`);
  }
  const parsed: ParsedHosts = { rows: [], rejected: [] };
  for (const [i, line] of lines.entries()) {
    // Read all the same, so that the rows after it keep their numbers.
    if (line.record.length === 1 && line.record[0] === '') continue;
    // A field may hold line breaks; the row begins after the one before it.
    const at = ((lines[i - 1] ?? header).info.lines || 1) + 1;
    const row = toRow(names, line, at);
    if ('reason' in row) parsed.rejected.push(row);
    else parsed.rows.push(row);
  }
  return parsed;
}

function linesOf(text: string): Line[] {
  try {
    return parse(text, {
      ...{ bom: true, info: true, relax_column_count: true },
      trim: true,
    }) as unknown as Line[];
  } catch (error) {
    throw new GaugewayError('BAD_REQUEST', `the file is no CSV: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function requireColumns(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    const tag = name.startsWith('tag.') ? name.slice(4) : undefined;
    const isKnown =
      tag === undefined
        ? (columns as readonly string[]).includes(name)
        : tagNameSchema.safeParse(tag).success;
    if (!isKnown || seen.has(name)) {
      throw new GaugewayError(
        'BAD_REQUEST',
        `line 1: ${seen.has(name) ? 'a column is there twice' : 'there is an unknown column'}; known are ${columns.join(', ')} and tag.NAME`,
        { details: { line: 1, column: name.slice(0, 64) } },
      );
    }
    seen.add(name);
  }
  if (!seen.has('hostname')) {
    throw new GaugewayError('BAD_REQUEST', 'line 1: there is no column hostname');
  }
}

function toRow(names: readonly string[], line: Line, at: number): ImportRow | RejectedRow {
  if (line.record.length !== names.length) {
    const [has, wants] = [line.record.length, names.length];
    const message = `has ${has} columns where the first line has ${wants}`;
    return { line: at, reason: 'wrong_columns', message };
  }
  const cells = new Map(names.map((name, i) => [name, line.record[i] ?? '']));
  const [hostname, id] = [cells.get('hostname') ?? '', cells.get('id') ?? ''];
  const ips = (cells.get('ips') ?? '').split(separators).filter((ip) => ip !== '');
  const tags = tagsOf(cells);
  const refusal = namesRefusal(hostname, id) ?? factsRefusal(ips, tags);
  if (refusal) return { line: at, reason: refusal[0], message: refusal[1] };
  return {
    ...{ line: at, hostname },
    ...(id === '' ? {} : { id }),
    ...(ips.length === 0 ? {} : { ips }),
    ...(tags === undefined || Object.keys(tags).length === 0 ? {} : { tags }),
  };
}

type Refusal = readonly [RowRefusal, string];

function namesRefusal(hostname: string, id: string): Refusal | undefined {
  if (hostname === '') return ['missing_hostname', 'has no hostname'];
  if (!hostnameSchema.safeParse(hostname).success) {
    return ['bad_hostname', 'the hostname is too long or has control characters'];
  }
  const isBad = id !== '' && !hostIdSchema.safeParse(id).success;
  return isBad ? ['bad_id', 'the id is no host id'] : undefined;
}

function factsRefusal(ips: readonly string[], tags: Tags | undefined): Refusal | undefined {
  if (ips.length > 64 || ips.some((ip) => !ipSchema.safeParse(ip).success)) {
    return ['bad_ip', 'an address is none, or there are more than 64'];
  }
  return tags ? undefined : ['bad_tag', 'a tag is reserved, or is no name=value'];
}

function tagsOf(cells: ReadonlyMap<string, string>): Record<string, string> | undefined {
  const own = [...cells].filter(([name, value]) => name.startsWith('tag.') && value !== '');
  const pairs = [
    ...(cells.get('tags') ?? '')
      .split(';')
      .filter((pair) => pair.trim() !== '')
      .map((pair) => pair.split(/[=:](.*)/s).map((part) => part.trim())),
    ...own.map(([name, value]) => [name.slice(4), value]),
  ];
  const isGood = pairs.every(
    ([name, value]) =>
      tagNameSchema.safeParse(name).success && tagValueSchema.safeParse(value).success,
  );
  return isGood ? (Object.fromEntries(pairs) as Record<string, string>) : undefined;
}
