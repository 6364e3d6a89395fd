import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kindOfNodeMetric } from '../../exporter-agent/collect/node/metric.ts';
import { findByName } from '../../src/catalog/index.ts';

const hosts = new URL('../fixtures/hosts/', import.meta.url).pathname;

/** The last reading of a recorded host, with the kind of each metric, as a scrape would show it. */
function toExposition(golden: string): string {
  const byName = new Map<string, string[]>();
  for (const line of golden
    .split(/^# step .*\n/m)
    .at(-1)!
    .split('\n')) {
    const name = /^(\w+)[{ ]/.exec(line)?.[1];
    if (name === undefined) continue;
    byName.set(name, [...(byName.get(name) ?? []), line]);
  }
  return [...byName]
    .map(([name, lines]) => {
      const metric = findByName(name);
      const head = [
        `# HELP ${name} ${metric?.help ?? 'Of node_exporter.'}`,
        `# TYPE ${name} ${metric?.kind ?? kindOfNodeMetric(name)}`,
      ];
      return `${[...head, ...lines].join('\n')}\n`;
    })
    .join('');
}

/** Names that are given: PRP REQ-METRIC-002 says `_mb`; node_exporter writes the kernel's own words and counts bits. */
const given =
  /^(mem_\w+_mb metric names should not contain abbreviated units|node_(memory|netstat|sockstat)_\w+ metric names should be written in 'snake_case'|node_entropy_\w+ use base unit)/;

describe('what the agent tells of a recorded host', () => {
  it.each(readdirSync(hosts))('is without fault to promtool: %s', async (name) => {
    const promtool = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    promtool.stderr.on('data', (data: Buffer) => (said += data.toString()));
    promtool.stdin.end(toExposition(readFileSync(`${hosts}${name}/expected.txt`, 'utf8')));
    await once(promtool, 'close');
    expect(said.split('\n').filter((line) => line !== '' && !given.test(line))).toEqual([]);
  });
});
