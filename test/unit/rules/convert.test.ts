import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  parseRules,
  toProductFile,
  toPrometheusFile,
  type RuleGroup,
} from '../../../src/rules/index.ts';

const read = (text: string, file = 'x.yaml'): readonly RuleGroup[] => {
  const { groups, problems } = parseRules(text, file);
  expect(problems).toEqual([]);
  return groups;
};
const rulesOf = (groups: readonly RuleGroup[]) =>
  groups.flatMap(({ rules }) =>
    rules.map(({ name, expression, labels }) => ({ name, expression, labels })),
  );

describe('the other dialect', () => {
  it.each(['host', 'gpu', 'agent', 'gaugeway'])('asks of %s.yaml the same', (name) => {
    const own = read(readFileSync(`rules/${name}.yaml`, 'utf8'));
    const theirs = read(toPrometheusFile(own, 30_000).text);
    expect(rulesOf(theirs)).toEqual(rulesOf(own));
    expect(rulesOf(read(toProductFile(theirs).text))).toEqual(rulesOf(own));
  });

  it('turns clean evaluations into keep_firing_for, and says what it leaves out', () => {
    const own = read(
      'interval: 1m\nrules:\n- {id: a, name: A, expression: cpu.utilization > 90, duration: 5m, resolve_after: 3, channels: [email]}\n',
    );
    const { text, notes } = toPrometheusFile(own, 30_000);
    const [rule] = read(text)[0]!.rules;
    expect(rule).toMatchObject({ forMs: 300_000, keepFiringForMs: 120_000 });
    expect(notes).toEqual([
      "A: its cooldown of 5m is Alertmanager's",
      'A: a host that goes silent resolves it',
      "A: its channels are Alertmanager's: 1",
    ]);
  });

  it.each([
    ['cpu_utilization{role="db"} > 90', { expression: 'cpu.utilization > 90', scope: 'role=db' }],
    ['mem_used_pct >= 80', { expression: 'mem.used_pct >= 80' }],
    ['node_load1 > 4', { promql: 'node_load1 > 4' }],
    ['cpu_utilization > bool 90', { promql: 'cpu_utilization > bool 90' }],
    ['cpu_utilization offset 5m > 90', { promql: 'cpu_utilization offset 5m > 90' }],
    ['sum(cpu_utilization) > 90', { promql: 'sum(cpu_utilization) > 90' }],
  ])('writes %s', (expr, expected) => {
    const text = `groups:\n- name: g\n  rules:\n  - {alert: A, expr: '${expr}'}\n`;
    const converted = toProductFile(read(text)).text;
    for (const [key, value] of Object.entries(expected)) {
      expect(converted).toContain(`    ${key}: ${JSON.stringify(value)}\n`);
    }
    expect(rulesOf(read(converted))[0]?.expression).toBe(expr);
  });

  it('leaves recording rules where they are', () => {
    const groups = read('groups:\n- name: g\n  rules:\n  - {record: a:b, expr: sum(up)}\n');
    expect(toProductFile(groups).notes).toEqual([
      "a:b: recording rules stay in Prometheus's dialect",
    ]);
  });
});
