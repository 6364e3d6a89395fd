import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createHostCollectors } from '../../../exporter-agent/collect/registry.ts';
import { createSelfCollector } from '../../../exporter-agent/collect/self.ts';
import { options } from '../../../exporter-agent/config/schema.ts';
import { catalogMetrics, findByName } from '../../../src/catalog/index.ts';

const path = new URL('../../../exporter-agent/README.md', import.meta.url);

const collectors = () => [
  ...createHostCollectors({
    procfs: { read: () => '', readOnce: () => '', list: () => [], close: () => undefined },
    sysfs: { read: () => '', readOnce: () => '', list: () => [], close: () => undefined },
    profile: 'full',
    machine: 'x86_64',
    statfs: () => Promise.reject(new Error('unused')),
    foreignProc: false,
    networkFilesystems: false,
    cpuMicros: () => 0,
    off: [],
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

it('the README of the agent lists the options and metrics that there are', () => {
  const text = readFileSync(path, 'utf8');
  const fresh = fill(fill(text, 'options', optionsTable()), 'metrics', metricsTable());
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, fresh);
  const plain = (markdown: string) => markdown.replace(/[ -]{2,}/g, ' ').replace(/\| -+/g, '|');
  expect(plain(readFileSync(path, 'utf8'))).toBe(plain(fresh));
});

it('every collector names only metrics of the catalog', () => {
  for (const { emits } of collectors()) {
    for (const name of emits) expect(findByName(name)).toBeDefined();
  }
});
