import { basename } from 'node:path';
import type { YamlPath } from '../platform/index.ts';
import { messageOf } from '../platform/index.ts';
import { parsePromql } from '../query/index.ts';
import { Fields, type FileReader } from './fields.ts';
import { compileExpression } from './product-expression.ts';
import { promqlField } from './promql-field.ts';
import type { AlertingRule, RuleGroup } from './rule.ts';
import { parseScope, tagMatcher, type ScopeMatcher } from './scope.ts';
import { parseRuleTemplate, type Template } from './template/expand.ts';

/** `none`: only shown, nobody is told. */
const channel = /^(?:none|(?:email|webhook|slack|teams|alertmanager)(?::\S+)?)$/;
const defaultIntervalMs = 30_000;
const defaultCooldownMs = 5 * 60_000;

const summary = 'On {{ $labels.host_id }} the value is {{ $value | printf "%.4g" }}.';
/** A rule in PromQL may be about anything. */
const plainSummary = 'The value is {{ $value | printf "%.4g" }}.';

/** The product's own schema (PRP REQ-ALERTRULE-001): one group a file. */
export function readProductFile(reader: FileReader): RuleGroup[] {
  const top = new Fields(reader, [], reader.value);
  const name = top.text('name') || basename(reader.file).replace(/\.ya?ml$/, '');
  const intervalMs = top.duration('interval') ?? defaultIntervalMs;
  const seen = new Set<string>();
  const rules = top.list('rules').map(({ path, value }) => {
    const rule = readProductRule(reader, path, value);
    const id = rule.id ?? '';
    if (seen.has(id)) reader.report([...path, 'id'], `rule id "${id}" is there twice`);
    seen.add(id);
    return rule;
  });
  top.done();
  return [
    {
      file: reader.file,
      name,
      intervalMs,
      limit: 0,
      queryOffsetMs: undefined,
      rules,
    },
  ];
}

/** One rule of the product's schema: an `expression` over dotted names with a `scope`, or `promql`. */
export function readProductRule(reader: FileReader, path: YamlPath, value: unknown): AlertingRule {
  const plain = new Fields(reader, path, value);
  const name = plain.text('name');
  const fields = plain.named(name === '' ? '' : `rule "${name}": `);
  const id = fields.text('id');
  if (id === '') fields.wrong(undefined, 'a rule needs an id');
  if (fields.text('name') === '') fields.wrong(undefined, 'a rule needs a name');
  const resolveAfter = fields.count('resolve_after', 2);
  if (resolveAfter < 1) fields.wrong('resolve_after', 'resolve_after: expected 1 or more');
  const isPromql = fields.has('promql');
  const rule: AlertingRule = {
    kind: 'alert',
    id,
    name,
    ...(isPromql ? { expression: readPromql(fields) } : readExpression(fields)),
    forMs: readDuration(fields),
    keepFiringForMs: fields.duration('keep_firing_for') ?? 0,
    limit: 0,
    resolveAfter,
    onNoData: readPolicy(fields),
    cooldownMs: fields.duration('cooldown') ?? defaultCooldownMs,
    channels: readChannels(fields),
    enabled: fields.flag('enabled', true),
    labels: readLabels(fields),
    annotations: readAnnotations(fields, isPromql ? plainSummary : summary),
  };
  fields.done();
  return rule;
}

function readPolicy(fields: Fields): AlertingRule['onNoData'] {
  const policy = fields.text('on_no_data');
  if (policy === '' || policy === 'keep' || policy === 'resolve') return policy || 'keep';
  fields.wrong('on_no_data', 'on_no_data: expected keep or resolve');
  return 'keep';
}

/** `for`, as Prometheus calls it, is the same. */
function readDuration(fields: Fields): number {
  const key = fields.has('duration') ? 'duration' : 'for';
  if (key === 'duration' && fields.has('for')) {
    fields.wrong('for', "only one of 'duration' and 'for' must be set");
  }
  return fields.text(key) === 'static' ? 0 : (fields.duration(key) ?? 0);
}

/** Its scope is in its own matchers. */
function readPromql(fields: Fields): string {
  for (const key of ['expression', 'scope']) {
    if (fields.has(key)) fields.wrong(key, `${key}: not together with promql`);
  }
  return promqlField(fields, 'promql');
}

function readScope(fields: Fields): ScopeMatcher[] {
  const raw = fields.raw('scope');
  if (raw === undefined || typeof raw === 'string') {
    const matchers = parseScope(raw ?? '');
    if (matchers) return matchers;
    fields.wrong('scope', 'scope: expected all, or tags such as role=web, zone!=lab');
    return [];
  }
  const scope = fields.below('scope');
  const matchers = [...scope.texts('tags')].map(([label, text]) => tagMatcher(label, text));
  const host = scope.text('host_id');
  if (host !== '') matchers.push({ label: 'host_id', op: '=', value: host });
  scope.done();
  return matchers;
}

function readExpression(fields: Fields): Pick<AlertingRule, 'expression' | 'written'> {
  const text = fields.text('expression');
  const scope = readScope(fields);
  if (text === '') {
    fields.wrong(undefined, 'a rule needs an expression');
    return { expression: '' };
  }
  const outcome = compileExpression(text, scope);
  if (!outcome.ok) {
    fields.wrongAt('expression', outcome.at, `expression: ${outcome.message}`);
    return { expression: '' };
  }
  try {
    parsePromql(outcome.promql);
  } catch (error) {
    fields.wrong('expression', `expression: ${messageOf(error)} in ${outcome.promql}`);
  }
  return { expression: outcome.promql, written: { expression: text, scope } };
}

function readChannels(fields: Fields): string[] {
  return fields.list('channels').flatMap(({ value }) => {
    if (typeof value === 'string' && channel.test(value)) return [value];
    fields.wrong(
      'channels',
      'channels: expected none, or email, webhook, slack, teams or alertmanager, each with :ADDRESS or without',
    );
    return [];
  });
}

function readLabels(fields: Fields): Map<string, Template> {
  const labels = fields.templates('labels', 'label');
  const severity = fields.text('severity');
  if (severity !== '') labels.set('severity', { text: severity, parsed: undefined });
  return labels;
}

function readAnnotations(fields: Fields, summaryText: string): Map<string, Template> {
  const annotations = fields.templates('annotations', 'annotation');
  if (!annotations.has('summary')) annotations.set('summary', builtIn(summaryText));
  return annotations;
}

function builtIn(text: string): Template {
  const outcome = parseRuleTemplate(text);
  if (!outcome.ok) throw new Error(outcome.problem.message);
  return outcome.template;
}
