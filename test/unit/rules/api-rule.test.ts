import { describe, expect, it } from 'vitest';
import { parseApiRule, parseRules, type RuleSpec } from '../../../src/rules/index.ts';

const cpuHot: RuleSpec = { name: 'CPU Hot', expression: 'cpu.utilization > 90', duration: '10m' };

function problemsOf(spec: RuleSpec) {
  const outcome = parseApiRule('rule-1', spec);
  return outcome.ok ? [] : outcome.problems;
}

describe('a rule made by API', () => {
  it('is read as the same rule of a file is', () => {
    const spec = {
      ...cpuHot,
      scope: { tags: { role: 'web' } },
      channels: ['email:ops@example.com'],
      severity: 'critical',
      resolve_after: 3,
      cooldown: null,
    };
    const outcome = parseApiRule('rule-1', spec);
    const { groups, problems } = parseRules(
      `rules:
- id: rule-1
  name: CPU Hot
  expression: cpu.utilization > 90
  duration: 10m
  scope: role=web
  channels: ['email:ops@example.com']
  severity: critical
  resolve_after: 3
`,
      'a.yaml',
    );
    expect(problems).toEqual([]);
    expect(outcome).toEqual({ ok: true, rule: groups[0]?.rules[0] });
  });

  it('may be PromQL, with the words of Prometheus', () => {
    const spec = {
      name: 'Down',
      promql: 'up == 0',
      for: '5m',
      keep_firing_for: '10m',
      labels: { team: '{{ $labels.job }}' },
    };
    const outcome = parseApiRule('rule-2', spec, false);
    expect(outcome).toMatchObject({
      ok: true,
      rule: {
        ...{ id: 'rule-2', expression: 'up == 0', forMs: 300_000, keepFiringForMs: 600_000 },
        enabled: false,
      },
    });
  });

  it.each<[string, RuleSpec, string, string]>([
    ['an unknown field', { ...cpuHot, durations: '5m' }, 'durations', 'unknown field "durations"'],
    ['no expression', { name: 'a' }, '', 'a rule needs an expression'],
    ['no name', { expression: 'cpu.utilization > 1' }, '', 'a rule needs a name'],
    ['a bad duration', { ...cpuHot, duration: 'soon' }, 'duration', 'not a valid duration string'],
    ['a number as duration', { ...cpuHot, duration: 10 }, 'duration', 'not a valid duration'],
    ['a list as name', { ...cpuHot, name: ['a'] }, 'name', 'expected a text'],
    ['channels that are no list', { ...cpuHot, channels: 'email' }, 'channels', 'expected a list'],
    ['both kinds of expression', { ...cpuHot, promql: 'up' }, 'expression', 'not together'],
    ['two durations', { ...cpuHot, for: '1m' }, 'for', "only one of 'duration' and 'for'"],
  ])('with %s is refused at its field', (_what, spec, field, message) => {
    const problems = problemsOf(spec);
    expect(problems.map((problem) => problem.field)).toContain(field);
    expect(problems.map((problem) => problem.message).join()).toContain(message);
  });

  it('shows the spot in the text of the field', () => {
    const [expression] = problemsOf({ ...cpuHot, expression: 'cpu.utilization > 90 AND' });
    expect(expression?.field).toBe('expression');
    expect(expression?.excerpt).toBe(
      '  1 | cpu.utilization > 90 AND\n                              ^',
    );
    const [promql] = problemsOf({ name: 'a', promql: 'sum(up)\n  by job) > 1' });
    expect(promql?.excerpt).toContain('  2 |   by job) > 1\n');
    const [summary] = problemsOf({ ...cpuHot, annotations: { summary: 'at {{ nope }}' } });
    expect(summary).toMatchObject({ field: 'annotations.summary' });
    expect(summary?.excerpt).toContain('^');
  });

  it('is refused, and nothing breaks, when it is nested deeply or strange', () => {
    let deep: unknown = 'x';
    for (let i = 0; i < 5_000; i++) deep = [deep];
    expect(problemsOf({ ...cpuHot, scope: deep })).not.toEqual([]);
    expect(problemsOf(JSON.parse('{"__proto__": {"name": 1}, "name": 3}') as RuleSpec)).not.toEqual(
      [],
    );
    expect(problemsOf({ ...cpuHot, id: 'mine', enabled: 'maybe' })).toEqual([]);
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(problemsOf({ ...cpuHot, expression: `${name} > 1` })).toMatchObject([
        { field: 'expression', message: `unknown metric "${name}"` },
      ]);
    }
  });
});
