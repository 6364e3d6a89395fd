import type { Command } from 'commander';
import { wrongUse } from '../exit.ts';
import { talks, type Shell } from '../session.ts';
import { confirm, addPageOptions, readList, restOf, type PageOptions } from './lists.ts';
import { addImportCommand } from './host-import.ts';
import { hostTable, hostText, type Host, type HostDetail } from './host-text.ts';

const path = '/api/v1/hosts';
const one = (id: string): string => `${path}/${encodeURIComponent(id)}`;

/** The inventory, as PRP §8.2 has it. */
export function addHostCommands(program: Command, shell: Shell): void {
  const hosts = program
    .command('host')
    .description('hosts, their tags and how they are')
    .addHelpText(
      'after',
      `
Examples:
  gaugeway host list --tags role:web,zone:eu --status crit
  gaugeway host show web-1 --range 6h
  gaugeway host tag web-1 role=web zone=eu old-
  gaugeway host import hosts.csv --dry-run
  gaugeway host remove web-9 --series delete`,
    );
  addReading(hosts, shell);
  addMaking(hosts, shell);
  addImportCommand(hosts, shell);
}

interface ListOptions extends PageOptions {
  tags?: string;
  status?: string;
  search?: string;
}

function addReading(hosts: Command, shell: Shell): void {
  const list = addPageOptions(
    hosts
      .command('list')
      .description('hosts with their newest figures')
      .option('--tags <tags>', 'role:web,zone:eu: all must hold')
      .option('--status <status>', 'ok, warn or crit')
      .option('--search <text>', 'part of the id or the hostname'),
  );
  talks<[], ListOptions>(shell, list, async (session, options) => {
    const { tags, status, search } = options;
    const query = { tags, status, search };
    const answer = await readList<'hosts', Host>(session, { path, name: 'hosts', query }, options);
    session.show(
      answer,
      () =>
        hostTable(answer.hosts, session.terminal, session.nowMs()) + restOf(answer.hosts, answer),
    );
    const { warnings = [] } = answer as { warnings?: string[] };
    for (const warning of warnings) session.terminal.err(`warning: ${warning}\n`);
  });
  const show = hosts
    .command('show')
    .description('one host, and what it did')
    .argument('<host>', 'id')
    .option('--range <range>', '15m, 1h, 6h, 24h or 7d', '1h');
  talks<[string], { range: string }>(shell, show, async (session, { range }, id) => {
    const detail = await session.remote.get<HostDetail>(one(id), { range });
    session.show(detail, () => hostText(detail, session.terminal, session.nowMs()));
  });
}

interface NewHost {
  hostname?: string;
  ip: string[];
  tag: string[];
}

const collect = (value: string, before: string[]): string[] => [...before, value];

function addMaking(hosts: Command, shell: Shell): void {
  const add = hosts
    .command('add')
    .description('add a host by hand; those with an agent come by themselves')
    .argument('<id>', 'what its series carry as host_id')
    .option('--hostname <name>', 'the id when absent')
    .option('--ip <address>', 'can be given several times', collect, [])
    .option('--tag <name=value>', 'can be given several times', collect, []);
  talks<[string], NewHost>(shell, add, async (session, { hostname = '', ip, tag }, id) => {
    const { set } = tagsOf(tag);
    const body = { id, hostname: hostname === '' ? id : hostname, ips: ip, tags: set };
    const made = await session.remote.send<{ id: string }>('POST', path, { body });
    session.show(made, () => `${made.id} is in the inventory\n`);
  });
  const tagging = hosts
    .command('tag')
    .description('set tags (role=web) and take tags away (role-); the others stay')
    .argument('<host>', 'id')
    .argument('<tags...>', 'NAME=VALUE, or NAME-');
  talks<[string, string[]], object>(shell, tagging, async (session, _options, id, words) => {
    const { set, removed } = tagsOf(words);
    const { host } = await session.remote.get<HostDetail>(one(id), { range: '15m' });
    const kept = Object.entries(host.tags).filter(([name]) => !removed.has(name));
    const tags = { ...Object.fromEntries(kept), ...set };
    const changed = await session.remote.send<Host>('PATCH', one(id), { body: { tags } });
    session.show(changed, () => hostTable([changed], session.terminal, session.nowMs()));
  });
  const remove = hosts
    .command('remove')
    .description('remove a host, and say what happens to what it sent')
    .argument('<host>', 'id')
    .option('--series <fate>', 'keep or delete its series', 'keep')
    .option('-y, --yes', 'do not ask');
  talks<[string], { series: string; yes?: boolean }>(
    shell,
    remove,
    async (session, { series, yes }, id) => {
      const also =
        series === 'delete' ? 'Its series are deleted for good.' : 'Its series are kept.';
      await confirm(session, `Remove the host ${id}? ${also}`, yes);
      const answer = await session.remote.send<Removed>('DELETE', one(id), { query: { series } });
      session.show(answer, () => `${id} is removed; its series are ${answer.series}\n`);
    },
  );
}

interface Removed {
  series: string;
}

/** `NAME=VALUE` sets, `NAME-` takes away. */
export function tagsOf(words: readonly string[]): {
  set: Record<string, string>;
  removed: Set<string>;
} {
  const set: Record<string, string> = {};
  const removed = new Set<string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at > 0) set[word.slice(0, at)] = word.slice(at + 1);
    else if (at < 0 && /.-$/.test(word)) removed.add(word.slice(0, -1));
    else throw wrongUse(`"${word}" is no tag: expected NAME=VALUE, or NAME- to take it away`);
  }
  return { set, removed };
}
