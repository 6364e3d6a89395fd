import type { Command } from 'commander';
import { parseDuration } from '../../platform/index.ts';
import { wrongUse } from '../exit.ts';
import { talks, type Session, type Shell } from '../session.ts';
import { table } from '../show/table.ts';
import { ago, moment } from '../show/text.ts';
import { addPageOptions, confirm, findOne, readList, restOf, type PageOptions } from './lists.ts';

interface Key {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  host_id: string | null;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
}

interface Issued {
  id: string;
  key: string;
}

const path = '/api/v1/keys';
const keyHelp = 'id, prefix or name';

const isExpired = ({ expires_at: end }: Key, nowMs: number): boolean =>
  end !== null && Date.parse(end) <= nowMs;

/** A name that several have had means the one that still works. */
function find(session: Session, wanted: string): Promise<Key> {
  const nowMs = session.nowMs();
  const works = (key: Key): boolean => key.revoked_at === null && !isExpired(key, nowMs);
  return findOne<Key>(
    session,
    { path, name: 'keys', what: 'key', wanted, shownBy: 'key list' },
    (key) => (works(key) ? [key.id, key.prefix, key.name] : [key.id, key.prefix]),
  );
}

/** API keys of the administrator's own tenant. */
export function addKeyCommands(program: Command, shell: Shell): void {
  const keys = program
    .command('key')
    .description('API keys of senders, dashboards and scripts')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway key create prometheus --scope write
  gaugeway key create grafana --scope read --expires 90d
  gaugeway key create web-1 --scope write --host web-1
  gaugeway key rotate grafana --overlap 7d
  gaugeway key revoke grafana`,
    );
  addReading(keys, shell);
  addMaking(keys, shell);
  const revoke = keys
    .command('revoke')
    .description('end a key at once')
    .argument('<key>', keyHelp)
    .option('-y, --yes', 'do not ask');
  talks<[string], { yes?: boolean }>(shell, revoke, async (session, { yes }, wanted) => {
    const { id, name } = await find(session, wanted);
    await confirm(session, `Revoke the key ${name}? Who uses it is refused from now on.`, yes);
    await session.remote.send('DELETE', `${path}/${encodeURIComponent(id)}`);
    session.show({ id, name, status: 'revoked' }, () => `the key ${name} is revoked\n`);
  });
}

function addReading(keys: Command, shell: Shell): void {
  const list = addPageOptions(keys.command('list').description('keys of the tenant'));
  talks<[], PageOptions>(shell, list, async (session, options) => {
    const answer = await readList<'keys', Key>(session, { path, name: 'keys' }, options);
    session.show(answer, () => tableOf(answer.keys, session) + restOf(answer.keys, answer));
  });
}

function tableOf(keys: readonly Key[], { terminal, nowMs }: Session): string {
  const now = nowMs();
  const isOver = (key: Key): boolean => isExpired(key, now);
  return table(
    keys,
    [
      { title: 'NAME', value: ({ name }) => name, canShrink: true },
      { title: 'PREFIX', value: ({ prefix }) => prefix },
      { title: 'SCOPES', value: ({ scopes }) => scopes.join(',') },
      { title: 'HOST', value: ({ host_id: host }) => host, canShrink: true },
      {
        title: 'STATUS',
        value: (key) => (key.revoked_at ? 'revoked' : isOver(key) ? 'expired' : 'active'),
        colour: (key) => (key.revoked_at || isOver(key) ? 'dim' : undefined),
      },
      { title: 'EXPIRES', value: ({ expires_at: end }) => (end === null ? '-' : moment(end)) },
      { title: 'USED', value: ({ last_used_at: used }) => ago(used, now) },
      { title: 'ID', value: ({ id }) => id },
    ],
    terminal,
  );
}

interface NewKey {
  scope: string[];
  host?: string;
  expires?: string;
  mode?: string;
}

const collect = (one: string, before: string[] = []): string[] => [...before, ...one.split(',')];

function addMaking(keys: Command, shell: Shell): void {
  const create = keys
    .command('create')
    .description('make a key, shown this once')
    .argument('<name>', 'what it is for')
    .requiredOption('--scope <scope>', 'write, read or admin; several with commas', collect)
    .option('--host <id>', 'only for the series of this host')
    .option('--expires <when>', 'a duration from now (90d) or a moment (2027-01-31T00:00:00Z)')
    .option('--mode <mode>', 'of names that are not on the whitelist: reject, drop or observe');
  talks<[string], NewKey>(shell, create, async (session, options, name) => {
    const { scope: scopes, host, expires, mode } = options;
    const body = {
      ...{ name, scopes },
      ...(host === undefined ? {} : { host_id: host }),
      ...(expires === undefined ? {} : { expires_at: endOf(expires, session.nowMs()) }),
      ...(mode === undefined ? {} : { whitelist_mode: mode }),
    };
    const issued = await session.remote.send<Issued>('POST', path, { body });
    session.show(issued, () => issuedText(issued));
  });
  const rotate = keys
    .command('rotate')
    .description('make a successor of a key; both work for a while')
    .argument('<key>', keyHelp)
    .option('--overlap <duration>', 'how long the old one still works', '24h');
  talks<[string], { overlap: string }>(shell, rotate, async (session, { overlap }, wanted) => {
    const overlapMs = parseDuration(overlap);
    if (overlapMs === undefined) throw wrongUse(`--overlap: expected 24h or 7d, not "${overlap}"`);
    const { id } = await find(session, wanted);
    const issued = await session.remote.send<Issued>(
      'POST',
      `${path}/${encodeURIComponent(id)}/rotate`,
      { body: { overlap_seconds: Math.round(overlapMs / 1_000) } },
    );
    session.show(issued, () => `${issuedText(issued)}the old one works for ${overlap} more\n`);
  });
}

const issuedText = ({ id, key }: Issued): string => `${key}   (shown this once; id ${id})\n`;

/** A duration from now, or a moment. */
export function endOf(text: string, nowMs: number): string {
  const ms = parseDuration(text);
  if (ms !== undefined) return new Date(nowMs + ms).toISOString();
  if (Number.isNaN(Date.parse(text))) {
    throw wrongUse(
      `expected a duration such as 90d or a moment such as 2027-01-31T00:00:00Z, not "${text}"`,
    );
  }
  return new Date(text).toISOString();
}
