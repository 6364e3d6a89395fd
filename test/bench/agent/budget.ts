import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, launch, Stage, startSink, type Program } from '../../support/stage.ts';
import { print, type Table } from '../report.ts';
import { megabytes, watch, type Cost } from './measure.ts';
import { startTlsSink } from './sink.ts';
import { pause, startAgent } from './start.ts';

const wantedProcesses = 200;
const warmUpSeconds = 60;

/**
 * The agent's budget (contract "The agent's budget"): beside node_exporter scraped by vmagent, on the same machine in the
 * same minutes, every 5 s, first with the server there and then without it.
 */
export async function benchAgentBudget(options: {
  minutes: number;
  outageMinutes: number;
}): Promise<Table> {
  const stage = new Stage();
  try {
    const sink = await startTlsSink(stage);
    fillUp(stage);
    const { exporter, vmagent } = await startPair(stage);
    const agent = await startAgent(stage, sink, 'core');
    const pids = new Map([
      ['agent', agent.pid],
      ['node_exporter', exporter.pid],
      ['vmagent', vmagent.pid],
    ]);
    await pause(warmUpSeconds);
    const processes = countProcesses();
    const there = await watch(pids, options.minutes * 60);
    await sink.setUp(false);
    const away = await watch(new Map([['agent', agent.pid]]), options.outageMinutes * 60);
    await sink.setUp(true);
    return report({ there, away, processes, ...options });
  } finally {
    await stage.end();
  }
}

const countProcesses = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;

/** Sleepers, until the host has as many processes as the budget speaks of. */
function fillUp(stage: Stage): void {
  for (let missing = wantedProcesses - countProcesses(); missing > 0; missing -= 1) {
    const sleeper = spawn('sleep', ['86400'], { stdio: 'ignore' });
    stage.onEnd(async () => {
      const gone = once(sleeper, 'exit');
      sleeper.kill('SIGKILL');
      await gone;
    });
  }
}

async function startPair(stage: Stage): Promise<{ exporter: Program; vmagent: Program }> {
  const target = `127.0.0.1:${String(await freePort())}`;
  const exporter = await launch(
    stage,
    { url: `http://${target}`, health: '/metrics' },
    'prometheus-node-exporter',
    [`--web.listen-address=${target}`],
  );
  const scrape = join(stage.directory(), 'scrape.yml');
  const job = { job_name: 'node', static_configs: [{ targets: [target] }] };
  writeFileSync(
    scrape,
    JSON.stringify({ global: { scrape_interval: '5s' }, scrape_configs: [job] }),
  );
  const sink = await startSink(stage);
  const url = `http://127.0.0.1:${String(await freePort())}`;
  const vmagent = await launch(stage, { url, health: '/health' }, 'vmagent', [
    `-httpListenAddr=${url.slice('http://'.length)}`,
    `-promscrape.config=${scrape}`,
    `-remoteWrite.url=${sink}/api/v1/write`,
    `-remoteWrite.tmpDataPath=${stage.directory()}`,
  ]);
  return { exporter, vmagent };
}

function report(result: {
  there: Map<string, Cost>;
  away: Map<string, Cost>;
  processes: number;
  minutes: number;
  outageMinutes: number;
}): Table {
  const { there, away } = result;
  const none: Cost = { meanRss: NaN, maxRss: NaN, cpuPercent: NaN };
  const of = (costs: Map<string, Cost>, name: string) => costs.get(name) ?? none;
  const row = (name: string, { meanRss, maxRss, cpuPercent }: Cost) => [
    name,
    megabytes(meanRss),
    megabytes(maxRss),
    `${cpuPercent.toFixed(2)} %`,
  ];
  const [exporter, vmagent] = [of(there, 'node_exporter'), of(there, 'vmagent')];
  const pair = {
    meanRss: exporter.meanRss + vmagent.meanRss,
    maxRss: exporter.maxRss + vmagent.maxRss,
    cpuPercent: exporter.cpuPercent + vmagent.cpuPercent,
  };
  const agent = of(there, 'agent');
  const table = {
    title: `The agent for ${String(result.minutes)} minutes at 5 s, profile core, ${String(result.processes)} processes, over TLS`,
    columns: ['', 'RSS mean, 10⁶ B', 'RSS max, 10⁶ B', 'CPU of one core'],
    rows: [
      row('agent, server there', agent),
      row(`agent, server away for ${String(result.outageMinutes)} minutes`, of(away, 'agent')),
      row('node_exporter', exporter),
      row('vmagent', vmagent),
      row('the pair', pair),
      [
        'agent / pair',
        (agent.meanRss / pair.meanRss).toFixed(2),
        (agent.maxRss / pair.maxRss).toFixed(2),
        (agent.cpuPercent / pair.cpuPercent).toFixed(2),
      ],
    ],
    notes: [
      'VmRSS every 2 s after the first minute; CPU with children. Budget: mean < 50.0, max < 52.4 (50 MiB), CPU < 1 %.',
      'The pair sends without TLS, keeps no buffer on disk and knows no processes.',
    ],
  };
  print(table);
  return table;
}
