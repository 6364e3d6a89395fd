import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  formatProblem,
  loadRules,
  parseRules,
  type AlertingRule,
} from '../../../src/rules/index.ts';

function problemsOf(text: string): string[] {
  return parseRules(text, 'rules/a.yaml').problems.map(formatProblem);
}

function alertsOf(text: string): AlertingRule[] {
  const { groups, problems } = parseRules(text, 'rules/a.yaml');
  expect(problems.map(formatProblem)).toEqual([]);
  return groups.flatMap(({ rules }) => rules.filter((rule) => rule.kind === 'alert'));
}

const group = (rules: string): string => `groups:\n- name: g\n  rules:\n${rules}`;

describe("a rule file of Prometheus's dialect", () => {
  it('is read with all its fields', () => {
    const { groups, problems } = parseRules(
      `groups:
- name: g
  interval: 1m30s
  limit: 7
  query_offset: 10s
  labels: {team: infra, severity: none}
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {level: 010}
  - alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 10m
    labels: {severity: 'p{{ $value }}'}
    annotations: {summary: down}
`,
      'a.yaml',
    );
    expect(problems).toEqual([]);
    expect(groups).toMatchObject([
      { name: 'g', intervalMs: 90_000, limit: 7, queryOffsetMs: 10_000 },
    ]);
    const [record, alert] = groups[0]!.rules;
    expect(record).toEqual({
      kind: 'record',
      name: 'job:up:sum',
      expression: 'sum by (job) (up)',
      labels: new Map([
        ['team', 'infra'],
        ['severity', 'none'],
        ['level', '010'],
      ]),
    });
    expect(alert).toMatchObject({
      name: 'Down',
      forMs: 300_000,
      keepFiringForMs: 600_000,
      limit: 7,
      resolveAfter: 1,
      cooldownMs: 0,
    });
    expect(
      [...(alert as AlertingRule).labels].map(([name, { text }]) => `${name}=${text}`),
    ).toEqual(['team=infra', 'severity=p{{ $value }}']);
  });

  it('may be empty, may hold several documents, aliases and merge keys', () => {
    expect(parseRules('', 'a.yaml')).toEqual({ groups: [], problems: [] });
    const text = `groups:
- name: a
  rules:
  - &base {alert: A, expr: up == 0, labels: &l {severity: page}}
  - {<<: *base, alert: B}
  - {alert: C, expr: up, labels: *l}
---
groups:
- {name: b, rules: []}
`;
    expect(alertsOf(text).map(({ name, expression }) => `${name} ${expression}`)).toEqual([
      'A up == 0',
      'B up == 0',
      'C up',
    ]);
  });

  it('may be a PrometheusRule of Kubernetes', () => {
    const text = `apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: x, namespace: y}
spec:
  groups:
  - name: g
    rules:
    - alert: A
      expr: up
`;
    expect(alertsOf(text).map(({ name }) => name)).toEqual(['A']);
  });

  it('shows a mistake in PromQL at its spot, in a plain text', () => {
    expect(problemsOf(group('  - alert: A\n    expr: sum(up) bt (job)\n'))).toEqual([
      'rules/a.yaml:5:19: group "g", rule 1, "A": could not parse expression: 1:9: parse error: unexpected identifier "bt"\n' +
        '  5 |     expr: sum(up) bt (job)\n' +
        '                        ^',
    ]);
  });

  it.each([
    ['literal', '    expr: |\n      up\n        == on(job 1\n', '7:19'],
    ['folded', '    expr: >-\n      up\n      + rate(x)\n', '7:14'],
    ['double-quoted', '    expr: "up{a=\\"b\\"} >> 1"\n', '5:25'],
  ])('shows a mistake in PromQL at its spot, in a %s text', (_style, expr, place) => {
    const [problem = ''] = problemsOf(group(`  - alert: A\n${expr}`));
    expect(problem).toContain(`rules/a.yaml:${place}: `);
  });

  it.each([
    ['an unknown field', '  - alert: A\n    expr: up\n    fro: 5m\n', '6:5', 'unknown field "fro"'],
    ['no expression', '  - alert: A\n', '4:5', "field 'expr' must be set in rule"],
    ['neither record nor alert', '  - expr: up\n', '4:5', "one of 'record' or 'alert' must be set"],
    [
      'both',
      '  - alert: A\n    record: b\n    expr: up\n',
      '4:5',
      "only one of 'record' and 'alert' must be set",
    ],
    [
      'a bad duration',
      '  - alert: A\n    expr: up\n    for: 5 minutes\n',
      '6:5',
      'not a valid duration string: "5 minutes"',
    ],
    [
      'a hold on a recording rule',
      '  - record: a\n    expr: up\n    for: 5m\n',
      '6:5',
      "invalid field 'for' in recording rule",
    ],
    [
      'a name as label',
      '  - record: a\n    expr: up\n    labels: {__name__: x}\n',
      '6:5',
      'invalid label name: __name__',
    ],
    [
      'braces in a name',
      '  - record: a{b="c"}\n    expr: up\n',
      '4:5',
      'braces present in the recording rule name; should it be in expr?',
    ],
    [
      'a bad template',
      '  - alert: A\n    expr: up\n    annotations:\n      s: "on {{ $labels.x | nosuch }}"\n',
      '7:29',
      'annotation "s": template: function "nosuch" not defined',
    ],
    [
      'a text for a list',
      '  - alert: A\n    expr: up\n    labels: [a]\n',
      '6:5',
      'expected a mapping',
    ],
    [
      'a group twice',
      '  - {alert: A, expr: up}\n- name: g\n',
      '5:3',
      'groupname: "g" is repeated in the same file',
    ],
    ['a key twice', '  - alert: A\n    alert: B\n', '5:5', 'duplicated mapping key'],
  ])('with %s is refused with the place', (_what, rules, place, message) => {
    const [problem = ''] = problemsOf(group(rules));
    expect(problem).toContain(`rules/a.yaml:${place}: `);
    expect(problem).toContain(message);
  });

  it('tells all mistakes at once', () => {
    expect(
      problemsOf(group('  - {alert: A, expr: "("}\n  - {alert: B, expr: ")"}\n')),
    ).toHaveLength(2);
  });
});

const product = (fields: string): string => `rules:\n- id: r1\n  name: R\n${fields}`;
const compiled = (fields: string): string => alertsOf(product(fields))[0]!.expression;

describe("a rule of the product's own schema", () => {
  it('gets two clean evaluations, five minutes of cooldown and the policy to keep what is silent', () => {
    const [rule] = alertsOf(
      product('  expression: cpu.utilization > 90\n  duration: 10m\n  severity: page\n'),
    );
    expect(rule).toMatchObject({
      kind: 'alert',
      id: 'r1',
      name: 'R',
      forMs: 600_000,
      resolveAfter: 2,
      cooldownMs: 300_000,
      onNoData: 'keep',
      enabled: true,
      channels: [],
    });
    expect(rule?.labels.get('severity')?.text).toBe('page');
  });

  it.each([
    ['cpu.utilization > 90', 'all', 'cpu_utilization > 90'],
    ['cpu.utilization > 90', 'role!=gpu-only', 'cpu_utilization{role!="gpu-only"} > 90'],
    [
      'cpu.utilization >= 90 AND mem.used_pct > 80',
      'role=db, zone=~eu.*',
      'cpu_utilization{role="db",zone=~"eu.*"} >= 90 and on (host_id) mem_used_pct{role="db",zone=~"eu.*"} > 80',
    ],
    [
      'gpu.utilization > 85 OR gpu.memory_used_pct > 90',
      'gpu=true',
      'gpu_utilization > 85 or (100 * gpu_memory_used_mb / gpu_memory_total_mb) > 90',
    ],
    ['cpu.utilization > 90', 'gpu=true', 'cpu_utilization{gpu="true"} > 90'],
    ['gpu.utilization > 90', 'gpu=1', 'gpu_utilization{gpu="1"} > 90'],
    ['cpu.core.3 > 90', 'all', 'cpu_core{core="3"} > 90'],
    ['disk.used_pct{mount="/"} > 85', 'role=db', 'disk_used_pct{mount="/",role="db"} > 85'],
    [
      'mem.used_mb / (mem.used_mb + mem.available_mb) * 100 > 90',
      'all',
      'mem_used_mb / (mem_used_mb + mem_available_mb) * 100 > 90',
    ],
    [
      'no heartbeat for 2m',
      'role=web',
      'time() - max_over_time(agent_heartbeat_timestamp_seconds{role="web"}[1h]) > 120',
    ],
  ])('%s for %s is %s', (expression, scope, promql) => {
    expect(compiled(`  expression: '${expression}'\n  scope: '${scope}'\n`)).toBe(promql);
  });

  it('takes its scope as tags too, as the API has it', () => {
    const scope = `{tags: {role: web, zone: '!=lab'}, host_id: h-1}`;
    expect(compiled(`  expression: cpu.load1 > 1\n  scope: ${scope}\n`)).toBe(
      'cpu_load1{role="web",zone!="lab",host_id="h-1"} > 1',
    );
  });

  it.each([
    ['cpu.nosuch > 90', '4:15', 'unknown metric "cpu.nosuch"'],
    ['cpu.load1', '4:15', 'expected a comparison'],
    ['cpu.load1 > 1 AND', '4:31', 'expected a metric or a number, found the end'],
    ['1 > 2', '4:17', 'a comparison needs a metric'],
    ['cpu.load1 > 1 AND cpu.load5', '4:33', 'AND joins comparisons'],
    ['(cpu.load1 > 1', '4:15', 'unclosed parenthesis'],
    ['cpu.load1 > 1 ; x', '4:29', 'unexpected ";"'],
  ])('%s is refused at its spot', (expression, place, message) => {
    const [problem = ''] = problemsOf(product(`  expression: ${expression}\n`));
    expect(problem).toContain(`rules/a.yaml:${place}: rule "R": expression: `);
    expect(problem).toContain(message);
  });

  it.each([
    ['an unknown field', 'durations: 5m', 'unknown field "durations"; did you mean'],
    ['an unknown channel', 'channels: [pager]', 'channels: expected none, or email'],
    ['a bad scope', 'scope: role', 'scope: expected all'],
    ['a bad switch', 'enabled: maybe', 'enabled: expected true or false'],
  ])('with %s is refused', (_what, field, message) => {
    expect(problemsOf(product(`  expression: cpu.load1 > 1\n  ${field}\n`)).join('\n')).toContain(
      message.replace('; did you mean', ''),
    );
  });

  it('twice under one id is refused', () => {
    const rule = '- {id: a, name: A, expression: cpu.load1 > 1}\n';
    expect(problemsOf(`rules:\n${rule}${rule}`).join()).toContain('rule id "a" is there twice');
  });
});

describe('the starter set', () => {
  const folder = fileURLToPath(new URL('../../../rules', import.meta.url));

  it('holds the six rules of the requirements, what watches this product, and no mistake', () => {
    const { groups, problems } = loadRules(folder);
    expect(problems.map(formatProblem)).toEqual([]);
    const rules = groups.flatMap((one) => one.rules).filter((rule) => rule.kind === 'alert');
    expect(rules.map(({ id, name, forMs }) => `${id} ${name} ${forMs / 60_000}m`).sort()).toEqual([
      'gaugeway-agent-buffering Agent Buffering 10m',
      'gaugeway-agent-clock Agent Clock Off 5m',
      'gaugeway-agent-losing Agent Losing Samples 0m',
      'gaugeway-api-errors API Errors 5m',
      'gaugeway-api-slow API Slow 10m',
      'gaugeway-event-loop Event Loop Lags 5m',
      'gaugeway-journal-filling Journal Filling 1m',
      'gaugeway-own-metrics-missing Own Metrics Missing 1m',
      'gaugeway-pool-exhausted Postgres Pool Exhausted 1m',
      'gaugeway-postgres-slow Postgres Slow 10m',
      'gaugeway-queue-full Queue Full 2m',
      'gaugeway-rules-behind Rules Behind 5m',
      'gaugeway-samples-refused Samples Refused 10m',
      'gaugeway-slots-missed Rule Slots Missed 10m',
      'gaugeway-storage-behind Storage Behind 2m',
      'gaugeway-tenant-budget Tenant Budget 5m',
      'gaugeway-tenant-budget-nearly-spent Tenant Budget Nearly Spent 5m',
      'gaugeway-tier-behind Tier Behind 10m',
      'gaugeway-watchdog Watchdog 0m',
      'gaugeway-writes-refused Writes Refused 10m',
      'rule-001 CPU Hot 10m',
      'rule-002 GPU Saturated 5m',
      'rule-003 Memory Pressure 10m',
      'rule-004 Disk Fill Warn 0m',
      'rule-005 Disk Fill Critical 0m',
      'rule-006 Agent Silent 0m',
    ]);
  });

  it('is explained by a README whose example is a rule without mistakes', () => {
    const readme = readFileSync(`${folder}/README.md`, 'utf8');
    const example = /```yaml\n(interval: [^]*?)```/.exec(readme)?.[1] ?? '';
    expect(alertsOf(example).map(({ name }) => name)).toEqual(['CPU Hot']);
  });
});
