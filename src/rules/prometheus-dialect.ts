import { Fields, type FileReader } from './fields.ts';
import { promqlField } from './promql-field.ts';
import {
  prometheusTerms,
  type AlertingRule,
  type RecordingRule,
  type Rule,
  type RuleGroup,
} from './rule.ts';
import type { YamlPath } from '../platform/index.ts';

/** Fields of Thanos, Cortex, Mimir and vmalert that say nothing to this product, and are let pass. */
const foreignGroupFields = [
  'partial_response_strategy',
  'source_tenants',
  'align_evaluation_time_on_interval',
  'concurrency',
  'type',
  'eval_alignment',
];

/** Rule files of Prometheus (model/rulefmt), and the same inside `kind: PrometheusRule`. */
export function readPrometheusFile(reader: FileReader): RuleGroup[] {
  const top = new Fields(reader, [], reader.value);
  if (!top.has('kind')) return readTop(reader, top, ['namespace']);
  if (top.text('kind') !== 'PrometheusRule') top.wrong('kind', 'expected kind PrometheusRule');
  for (const key of ['apiVersion', 'metadata', 'status']) top.raw(key);
  const spec = top.below('spec');
  top.done();
  return readTop(reader, spec, []);
}

function readTop(reader: FileReader, top: Fields, ignored: readonly string[]): RuleGroup[] {
  const seen = new Set<string>();
  const groups = top.list('groups').map(({ path, value }) => {
    const group = readGroup(reader, path, value);
    if (seen.has(group.name)) {
      reader.report([...path, 'name'], `groupname: "${group.name}" is repeated in the same file`);
    }
    seen.add(group.name);
    return group;
  });
  top.done(ignored);
  return groups;
}

function readGroup(reader: FileReader, path: YamlPath, value: unknown): RuleGroup {
  const fields = new Fields(reader, path, value);
  const name = fields.text('name');
  if (name === '') fields.wrong(undefined, 'Groupname must not be empty');
  const labels = fields.texts('labels');
  checkLabels(fields, labels.keys());
  const group = {
    file: reader.file,
    name,
    intervalMs: fields.duration('interval'),
    limit: fields.count('limit', 0),
    queryOffsetMs: fields.duration('query_offset') ?? fields.duration('eval_delay'),
  };
  const rules = fields.list('rules').map((rule, index) => {
    const place = `group "${name}", rule ${index + 1}, `;
    const context = { labels, limit: group.limit, place };
    return readRule(new Fields(reader, rule.path, rule.value, place), context);
  });
  fields.done(foreignGroupFields);
  return { ...group, rules };
}

/** What a rule takes from its group. */
interface GroupContext {
  labels: ReadonlyMap<string, string>;
  limit: number;
  place: string;
}

function readRule(plain: Fields, context: GroupContext): Rule {
  const record = plain.text('record');
  const alert = plain.text('alert');
  const fields = plain.named(`${context.place}"${record || alert}": `);
  const isRecord = fields.text('record') !== '';
  if (isRecord && fields.text('alert') !== '') {
    fields.wrong('alert', "only one of 'record' and 'alert' must be set");
  } else if (record === '' && alert === '') {
    fields.wrong(undefined, "one of 'record' or 'alert' must be set");
  }
  const rule = isRecord ? readRecord(fields, record, context) : readAlert(fields, alert, context);
  fields.done(['debug', 'update_entries_limit']);
  return rule;
}

function readAlert(fields: Fields, name: string, context: GroupContext): AlertingRule {
  fields.has('alert');
  const labels = fields.templates('labels', 'label');
  const annotations = fields.templates('annotations', 'annotation');
  checkLabels(fields, labels.keys());
  for (const key of annotations.keys()) {
    if (key === '') fields.wrong('annotations', `invalid annotation name: ${key}`);
  }
  const inherited = [...context.labels].map(
    ([key, text]) => [key, { text, parsed: undefined }] as const,
  );
  return {
    ...prometheusTerms,
    kind: 'alert',
    name,
    expression: promqlField(fields, 'expr'),
    forMs: fields.duration('for') ?? 0,
    keepFiringForMs: fields.duration('keep_firing_for') ?? 0,
    limit: context.limit,
    labels: new Map([...inherited, ...labels]),
    annotations,
  };
}

function readRecord(fields: Fields, name: string, context: GroupContext): RecordingRule {
  for (const key of ['for', 'keep_firing_for', 'annotations']) {
    if (fields.has(key)) fields.wrong(key, `invalid field '${key}' in recording rule`);
  }
  if (/[{}]/.test(name)) {
    fields.wrong('record', 'braces present in the recording rule name; should it be in expr?');
  }
  const labels = fields.texts('labels');
  checkLabels(fields, labels.keys());
  const expression = promqlField(fields, 'expr');
  return {
    kind: 'record',
    name,
    expression,
    labels: new Map([...context.labels, ...labels]),
  };
}

function checkLabels(fields: Fields, names: Iterable<string>): void {
  for (const name of names) {
    if (name === '' || name === '__name__') fields.wrong('labels', `invalid label name: ${name}`);
  }
}
