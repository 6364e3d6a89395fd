import { describe, expect, it } from 'vitest';
import { toRuleSet } from '../../../src/ruler/rule-set.ts';
import { parseRules } from '../../../src/rules/index.ts';

const keysOf = (rules: string, file = '/etc/rules/a.yaml') => {
  const { groups, problems } = parseRules(`groups:\n- name: g\n  rules:\n${rules}`, file);
  expect(problems).toEqual([]);
  const set = toRuleSet('default', groups[0]!, { intervalMs: 30_000, queryOffsetMs: 0 });
  return set.rules.map(({ key }) => key);
};

const down = '  - {alert: Down, expr: up == 0, labels: {severity: page}}\n';

describe('a rule’s key', () => {
  it('stays when its expression, its duration, its annotations or its folder change', () => {
    const changed =
      '  - {alert: Down, expr: up < 1, for: 5m, labels: {severity: page}, annotations: {a: b}}\n';
    expect(keysOf(changed, '/srv/a.yaml')).toEqual(keysOf(down));
  });

  it.each([
    ['name', down.replace('Down', 'Gone'), undefined],
    ['labels', down.replace('page', 'ticket'), undefined],
    ['file', down, '/etc/rules/b.yaml'],
  ])('changes with its %s', (_what, rules, file) => {
    expect(keysOf(rules, file)).not.toEqual(keysOf(down));
  });

  it('is another for each of several that are alike', () => {
    expect(new Set(keysOf(down + down + down)).size).toBe(3);
  });
});

describe('a group', () => {
  it('of the product’s own rules is evaluated at once, one of Prometheus’s in order', () => {
    const own = parseRules(
      'rules:\n- {id: a, name: A, expression: cpu.utilization > 1, duration: static}\n',
      'own.yaml',
    );
    const defaults = { intervalMs: 30_000, queryOffsetMs: 0 };
    expect(toRuleSet('default', own.groups[0]!, defaults).isIndependent).toBe(true);
    const theirs = parseRules(`groups:\n- name: g\n  rules:\n${down}`, 'theirs.yaml');
    expect(toRuleSet('default', theirs.groups[0]!, defaults)).toMatchObject({
      ...{ isIndependent: false, key: 'theirs.yaml;g', rhythm: { intervalMs: 30_000 } },
    });
  });
});
