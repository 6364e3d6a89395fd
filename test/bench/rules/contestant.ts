import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VictoriaTarget } from '../../../src/storage/victoria/index.ts';
import { freePort, launch, startProduct, startSink, type Stage } from '../../support/stage.ts';

/** What has been done since the start. */
export interface Work {
  evaluations: number;
  /** Time in which groups were evaluated, added up over the groups. */
  busySeconds: number;
  missed: number;
  alerts: number;
}

export interface Contestant {
  name: string;
  pid: number;
  work(): Promise<Work>;
}

interface Storage {
  target: VictoriaTarget;
  url: string;
  env: Record<string, string>;
}

/** Sums of a text of metrics by name and some of its labels. */
function sum(text: string, name: string): number {
  const line = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'gm');
  return [...text.matchAll(line)].reduce((total, [, value]) => total + Number(value), 0);
}

async function metricsOf(url: string, key?: string): Promise<string> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const answer = await fetch(`${url}/metrics`, { headers });
  if (!answer.ok) throw new Error(`metrics: ${String(answer.status)}`);
  return answer.text();
}

export async function startVmalert(
  stage: Stage,
  storage: Storage,
  rules: string,
): Promise<Contestant> {
  const file = join(stage.directory(), 'bench.yaml');
  writeFileSync(file, rules);
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const { username = '', password = '' } = storage.target;
  const account = (flag: string) => [
    `-${flag}.url=${storage.url}`,
    `-${flag}.basicAuth.username=${username}`,
    `-${flag}.basicAuth.password=${password}`,
  ];
  const program = await launch(stage, { url, health: '/health' }, 'vmalert', [
    `-httpListenAddr=127.0.0.1:${String(port)}`,
    `-rule=${file}`,
    ...account('datasource'),
    ...account('remoteWrite'),
    `-notifier.url=${await startSink(stage)}`,
  ]);
  return {
    name: 'vmalert',
    pid: program.pid,
    async work() {
      const text = await metricsOf(url);
      return {
        evaluations: sum(text, 'vmalert_execution_total'),
        busySeconds: sum(text, 'vmalert_iteration_duration_seconds_sum'),
        missed: sum(text, 'vmalert_iteration_missed_total'),
        alerts: sum(text, 'vmalert_alerts_(?:firing|pending)'),
      };
    },
  };
}

export async function startRuler(
  stage: Stage,
  storage: Storage,
  rules: string,
): Promise<Contestant> {
  const folder = stage.directory();
  writeFileSync(join(folder, 'bench.yaml'), rules);
  const product = await startProduct(stage, storage, { GAUGEWAY_RULES_DIR: folder });
  return {
    name: 'gaugeway',
    pid: product.pid,
    async work() {
      const text = await metricsOf(product.url, product.readKey);
      return {
        evaluations: sum(text, 'alert_evaluations_total'),
        busySeconds: sum(text, 'gaugeway_ruler_evaluation_seconds_sum'),
        missed: sum(text, 'gaugeway_ruler_missed_slots_total'),
        alerts: sum(text, 'gaugeway_ruler_alerts'),
      };
    },
  };
}
