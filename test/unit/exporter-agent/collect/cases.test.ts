import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createHostCollectors,
  type SwitchableCollector,
} from '../../../../exporter-agent/collect/registry.ts';
import { isNodeMetric, profiles } from '../../../../exporter-agent/collect/node/metric.ts';
import { runCollectors } from '../../../../exporter-agent/collect/run.ts';
import { createProcfs, type Procfs } from '../../../../exporter-agent/collect/procfs/root.ts';
import { findByName } from '../../../../src/catalog/index.ts';

/**
 * A case is a folder: `0/`, `1/`, … are proc trees read five seconds apart, `expected.txt` is what comes out.
 * A file `core` or `full` beside them asks for that profile; its words are collectors to switch on. sysfs is in
 * `N/sysfs`, the root directory in `N/root`.
 * A new case needs no code; `UPDATE_GOLDEN=1` writes its expectation, to be read before it is kept.
 */
const hosts = new URL('../../../fixtures/hosts/', import.meta.url).pathname;
const cases = readdirSync(hosts);
const opened: Procfs[] = [];

afterEach(() => {
  for (const procfs of opened.splice(0)) procfs.close();
});

/** The tree of the step that is being read. */
function below(current: () => Procfs, path: string): Procfs {
  return {
    read: (name) => current().read(`${path}${name}`),
    readOnce: (name) => current().readOnce(`${path}${name}`),
    list: (name) => current().list(`${path}${name}`),
    resolve: (name) => current().resolve(`${path}${name}`),
    close: () => undefined,
  };
}

async function play(directory: string): Promise<string> {
  const profile = profiles.find((name) => existsSync(`${directory}/${name}`)) ?? 'lean';
  const asked = profile === 'lean' ? '' : readFileSync(`${directory}/${profile}`, 'utf8').trim();
  let current: Procfs | undefined;
  const { list } = createHostCollectors({
    procfs: below(() => current!, ''),
    sysfs: below(() => current!, 'sysfs/'),
    root: below(() => current!, 'root/'),
    profile,
    machine: 'x86_64',
    statfs: () =>
      Promise.resolve({ blocks: 1000, bfree: 400, bavail: 350, bsize: 4096, files: 90, ffree: 70 }),
    foreignProc: false,
    networkFilesystems: false,
    on: asked === '' ? [] : (asked.split(/\s+/) as SwitchableCollector[]),
    cpuMicros: () => 0,
    gpu: { find: () => undefined, monotonicMs: () => 0 },
    off: [],
    textfiles: undefined,
  });
  let text = '';
  const steps = readdirSync(directory).filter((name) => /^\d+$/.test(name));
  for (const [index, step] of steps.entries()) {
    current = createProcfs(`${directory}/${step}`);
    opened.push(current);
    const at = index * 5_000;
    const failures: string[] = [];
    const points = runCollectors(
      list,
      { wallMs: 1_700_000_000_000 + at, monotonicMs: 1_000 + at, intervalMs: 5_000, bootId: 'b' },
      {
        monotonicMs: () => 0,
        onFailure: (name, error) => failures.push(`${name}: ${String(error)}`),
      },
    );
    text += `# step ${step}\n`;
    for (const failure of failures) text += `# fails ${failure}\n`;
    for (const { name, labels, value } of points) {
      if (name === 'agent_collector_duration_seconds') continue;
      if (!isNodeMetric(name))
        expect(labels.map(([label]) => label).sort()).toEqual(labelsOf(name));
      const inner = labels.map(([label, content]) => `${label}="${content}"`).join(',');
      text += `${name}${inner && `{${inner}}`} ${Number(value.toFixed(6))}\n`;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return text;
}

const labelsOf = (name: string) => [...(findByName(name)?.labels ?? [])].sort();

describe('a host as recorded', () => {
  it.each(cases)('%s gives the expected figures', async (name) => {
    const directory = `${hosts}${name}`;
    const golden = `${directory}/expected.txt`;
    const text = await play(directory);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, 'utf8'));
  });
});
