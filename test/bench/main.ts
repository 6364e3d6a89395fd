import { writeFileSync } from 'node:fs';
import { benchAgentBudget } from './agent/budget.ts';
import { benchAgentDay } from './agent/day.ts';
import { benchAgentProcesses, benchAgentWire } from './agent/growth.ts';
import { benchApi } from './api/main.ts';
import { benchDownsample } from './downsample.ts';
import { benchSizing, soakFleet } from './fleet/main.ts';
import { benchGrowth } from './growth.ts';
import { benchHistory } from './history.ts';
import { benchIngest } from './ingest.ts';
import { benchLatency } from './latency.ts';
import { benchLive } from './live.ts';
import { benchQuery } from './query.ts';
import { machine, toMarkdown, type Table } from './report.ts';
import { benchReports } from './reports.ts';
import { benchRulerFaults } from './rules/faults.ts';
import { benchAlertLatency } from './rules/latency.ts';
import { benchRules } from './rules/main.ts';
import { benchStorm } from './rules/storm.ts';
import { benchSustained } from './sustained.ts';

const suites: Record<string, () => Promise<Table[]>> = {
  ingest: () => benchIngest({ rounds: 5, samples: 4_000_000 }),
  sustained: async () => [await benchSustained({ seconds: 60, samplesPerSecond: 700_000 })],
  latency: async () => [
    await benchLatency({ seconds: 60, flushIntervals: ['1s', '500ms', '250ms'] }),
  ],
  query: async () => [await benchQuery({ requests: 1_000 })],
  growth: () =>
    benchGrowth({
      series: [10_000, 100_000, 1_000_000],
      hosts: [50, 500, 5_000],
      samples: 6_000_000,
    }),
  rules: async () => [
    ...(await benchRules({
      sizes: [
        ...[10, 100, 1_000, 5_000].map((rules) => ({ rules, hosts: 500 })),
        ...[50, 5_000].map((hosts) => ({ rules: 1_000, hosts })),
      ],
      seconds: 20,
    })),
    ...(await benchAlertLatency({ hosts: 60, seconds: 150 })),
    ...(await benchStorm(10_000)),
  ],
  api: () => benchApi({ users: 100, hosts: 500, seconds: 20, rounds: 3, manyHosts: 5_000 }),
  live: async () => [await benchLive({ clients: 1_000, hosts: 500, changes: 20 })],
  downsample: async () => [
    await benchDownsample({ hosts: 500, seriesPerHost: 150, livePerSecond: 16_700 }),
  ],
  history: async () => [await benchHistory({ hosts: 100 })],
  reports: async () => [await benchReports({ hosts: 500, stepMs: 60_000 })],
  sizing: () => benchSizing({ hosts: [500, 2_000, 5_000], seconds: 180 }),
  agent: async () => [
    await benchAgentBudget({ minutes: 10, outageMinutes: 5 }),
    await benchAgentProcesses([200, 1_000, 5_000]),
    ...(await benchAgentWire()),
    await benchAgentDay({ ticks: 17_280 }),
  ],
};

const soaks: Record<string, () => Promise<Table[]>> = {
  faults: () => benchRulerFaults({ seconds: 300, rules: 1_000, hosts: 100, everyMs: 3_000 }),
  fleet: () => soakFleet({ hosts: 5_000, seconds: 1_800 }),
  simulation: () => soakFleet({ hosts: 5_000, seconds: 600 }),
  soak: async () => [await benchSustained({ seconds: 600, samplesPerSecond: 150_000 })],
};

/** `npm run bench [suite …]`, `npm run soak`: prints tables and writes them to `.cache/bench.md`. */
const asked = process.argv.slice(2);
const known = { ...suites, ...soaks };
const names = asked.length > 0 ? asked : Object.keys(suites);
console.log(`${machine()}\n`);
const tables: Table[] = [];
for (const name of names) {
  const suite = known[name];
  if (!suite) throw new Error(`no such suite: ${name} (${Object.keys(known).join(', ')})`);
  tables.push(...(await suite()));
}
writeFileSync('.cache/bench.md', [machine(), '', ...tables.map(toMarkdown)].join('\n'));
