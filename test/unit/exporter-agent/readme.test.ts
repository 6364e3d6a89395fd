import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Procfs } from '../../../exporter-agent/collect/procfs/root.ts';
import { createHostCollectors, membership } from '../../../exporter-agent/collect/registry.ts';
import { createSelfCollector } from '../../../exporter-agent/collect/self.ts';
import { options } from '../../../exporter-agent/config/schema.ts';
import { notTold } from '../../support/node-names.ts';
import { catalogMetrics, findByName } from '../../../src/catalog/index.ts';

const path = new URL('../../../exporter-agent/README.md', import.meta.url);
const everything = new URL('../../fixtures/hosts/full/expected.txt', import.meta.url);

const noTree: Procfs = {
  read: () => '',
  readOnce: () => '',
  list: () => [],
  resolve: (name) => name,
  close: () => undefined,
};

const collectors = () => [
  ...createHostCollectors({
    procfs: noTree,
    sysfs: noTree,
    root: noTree,
    profile: 'full',
    machine: 'x86_64',
    statfs: () => Promise.reject(new Error('unused')),
    foreignProc: false,
    networkFilesystems: false,
    on: ['cgroup'],
    cpuMicros: () => 0,
    gpu: { find: () => undefined, monotonicMs: () => 0 },
    off: [],
    textfiles: undefined,
  }).list,
  createSelfCollector({
    state: () => {
      throw new Error('unused');
    },
    cost: () => ({ rssBytes: 0, cpuMicros: 0 }),
  }),
];

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function optionsTable(): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const { fallback } = option;
    const shown = Array.isArray(fallback) ? fallback.join(',') : fallback;
    return [
      `\`${name}\``,
      shown === undefined || shown === '' ? '' : `\`${String(shown)}\``,
      option.help,
    ];
  });
  return table(['option', 'default', 'what'], rows);
}

function metricsTable(): string {
  const emitted = new Set<string>(collectors().flatMap(({ emits }) => emits));
  emitted.add('agent_collector_success').add('agent_collector_duration_seconds');
  const rows = catalogMetrics
    .filter(({ name }) => emitted.has(name))
    .map((m) => [`\`${m.name}\``, m.unit, m.labels.map((l) => `\`${l}\``).join(' '), m.help]);
  return table(['metric', 'unit', 'labels', 'what'], rows);
}

function fill(text: string, mark: string, content: string): string {
  const pattern = new RegExp(`(<!-- ${mark}:[^\\n]*-->\\n)[^]*?(<!-- /${mark} -->)`);
  expect(text).toMatch(pattern);
  return text.replace(
    pattern,
    (_, open: string, close: string) => `${open}\n${content}\n\n${close}`,
  );
}

/** What node_exporter's names each collector tells, from the recorded host that has everything. */
function nodeNamesTable(): string {
  const names = new Map<string, Set<string>>();
  let own = new Set<string>();
  for (const line of readFileSync(everything, 'utf8').split('\n')) {
    const name = /^(\w+)[{ ]/.exec(line)?.[1] ?? '';
    const collector = /^agent_collector_success\{collector="(\w+)"\}/.exec(line)?.[1];
    if (name.startsWith('node_')) own.add(shortened(name));
    if (collector === undefined) continue;
    names.set(collector, new Set([...(names.get(collector) ?? []), ...own]));
    own = new Set();
  }
  const rows = Object.entries(membership)
    .filter(([name]) => (names.get(name)?.size ?? 0) > 0)
    .map(([name, least]) => [
      `\`${name}\``,
      least === 'lean' ? 'core' : least,
      [...names.get(name)!].map((told) => `\`${told}\``).join(' '),
    ]);
  return table(['collector', 'from profile', 'names'], rows);
}

/** Of families that are as many as the kernel has fields, the beginning is enough. */
const shortened = (name: string) =>
  name.replace(/^(node_(?:memory|netstat|sockstat|hwmon|vmstat)_).*/, '$1*');

const notToldTable = () =>
  table(
    ['names', 'why not'],
    notTold.map(([names, reason]) => [`\`${names}\``, reason]),
  );

it('the README of the agent lists the options and metrics that there are', () => {
  const text = readFileSync(path, 'utf8');
  const fresh = Object.entries({
    options: optionsTable(),
    metrics: metricsTable(),
    'node names': nodeNamesTable(),
    'not told': notToldTable(),
  }).reduce((filled, [mark, content]) => fill(filled, mark, content), text);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, fresh);
  const plain = (markdown: string) => markdown.replace(/[ -]{2,}/g, ' ').replace(/\| -+/g, '|');
  expect(plain(readFileSync(path, 'utf8'))).toBe(plain(fresh));
});

it('every collector names only metrics of the catalog', () => {
  for (const { emits } of collectors()) {
    for (const name of emits) expect(findByName(name)).toBeDefined();
  }
});
