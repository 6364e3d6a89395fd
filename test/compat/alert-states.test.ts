import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { transition, type AlertTerms, type Instances } from '../../src/alerts/index.ts';

const run = promisify(execFile);
const minute = 60_000;
const hosts = ['a', 'b', 'c'];

interface Trace {
  forMinutes: number;
  keepMinutes: number;
  /** Of each host, at each minute: whether the condition is met. */
  met: boolean[][];
}

const anyTrace: fc.Arbitrary<Trace> = fc.record({
  forMinutes: fc.nat(4),
  keepMinutes: fc.nat(4),
  met: fc.array(fc.array(fc.boolean(), { minLength: 25, maxLength: 25 }), {
    minLength: 3,
    maxLength: 3,
  }),
});

/** `host state` of every pending and firing alert after each minute. */
function ours({ forMinutes, keepMinutes, met }: Trace): string[][] {
  const terms: AlertTerms = {
    forMs: forMinutes * minute,
    keepFiringForMs: keepMinutes * minute,
    limit: 0,
    resolveAfter: 1,
    onNoData: 'resolve',
  };
  let instances: Instances = new Map();
  return met[0]!.map((_, tick) => {
    const elements = hosts
      .filter((_host, index) => met[index]![tick])
      .map((host) => ({
        labels: new Map([
          ['alertname', 'A'],
          ['host', host],
        ]),
        annotations: new Map(),
        value: 1,
      }));
    const step = transition(instances, { kind: 'answer', atMs: tick * minute, elements }, terms);
    instances = step.instances;
    return [...instances.values()]
      .filter(({ state }) => state !== 'resolved')
      .map(({ labels, state }) => `${labels.get('host')} ${state}`);
  });
}

function testGroup(trace: Trace, index: number) {
  const states = ours(trace);
  return {
    interval: '1m',
    input_series: hosts.map((host, at) => ({
      series: `up{trace="${index}",host="${host}"}`,
      values: trace.met[at]!.map((isMet) => (isMet ? '0' : '1')).join(' '),
    })),
    alert_rule_test: states.map((alerts, tick) => ({
      eval_time: `${tick}m`,
      alertname: `A${index}`,
      exp_alerts: alerts
        .filter((one) => one.endsWith(' firing'))
        .map((one) => ({ exp_labels: { trace: String(index), host: one.split(' ')[0] } })),
    })),
    promql_expr_test: states.map((alerts, tick) => ({
      expr: `ALERTS{alertname="A${index}",alertstate="pending"}`,
      eval_time: `${tick}m`,
      exp_samples: alerts
        .filter((one) => one.endsWith(' pending'))
        .map((one) => ({
          labels: `ALERTS{alertname="A${index}",alertstate="pending",trace="${index}",host="${one.split(' ')[0]}"}`,
          value: 1,
        })),
    })),
  };
}

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'gaugeway-states-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('an alert is in the state in which Prometheus has it, whatever comes and goes', async () => {
  const traces = fc.sample(anyTrace, { numRuns: 60, seed: 4 });
  const rules = traces.map(({ forMinutes, keepMinutes }, index) => ({
    alert: `A${index}`,
    expr: `up{trace="${index}"} == 0`,
    for: `${forMinutes}m`,
    keep_firing_for: `${keepMinutes}m`,
  }));
  const test = {
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    tests: traces.map(testGroup),
  };
  writeFileSync(join(folder, 'rules.yaml'), JSON.stringify({ groups: [{ name: 'g', rules }] }));
  writeFileSync(join(folder, 'test.yaml'), JSON.stringify(test));
  const { stdout } = await run('promtool-3', ['test', 'rules', join(folder, 'test.yaml')]).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(stdout).toContain('SUCCESS');
  const firing = traces
    .flatMap(ours)
    .flat()
    .filter((one) => one.endsWith(' firing'));
  expect(firing.length, 'firing alerts that were compared').toBeGreaterThan(100);
});
