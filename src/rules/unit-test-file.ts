import { GaugewayError, parseYamlDocuments } from '../platform/index.ts';
import { parseSelector, type Expr } from '../query/index.ts';
import { Fields, FileReader } from './fields.ts';
import { formatProblem } from './problem.ts';
import { promqlField } from './promql-field.ts';
import { parseSeriesValues, SeriesNotationError, type SeriesValue } from './series-notation.ts';

export type SeriesLabels = ReadonlyMap<string, string>;

export interface InputSeries {
  labels: SeriesLabels;
  /** One for each interval from the start on. */
  values: readonly SeriesValue[];
}

export interface ExpectedAlert {
  labels: SeriesLabels;
  annotations: SeriesLabels;
}

export interface AlertCase {
  evalMs: number;
  alertName: string;
  expected: readonly ExpectedAlert[];
}

export interface PromqlCase {
  expression: string;
  evalMs: number;
  expected: readonly { labels: SeriesLabels; value: SeriesValue | undefined }[];
}

export interface TestGroup {
  name: string;
  intervalMs: number;
  /** Zero of the test's clock, milliseconds since the epoch. */
  startMs: number;
  input: readonly InputSeries[];
  alertCases: readonly AlertCase[];
  promqlCases: readonly PromqlCase[];
  externalLabels: SeriesLabels;
  externalUrl: string;
}

/** A file for `promtool test rules`. */
export interface UnitTestFile {
  /** As written: relative to the file, with `*`. */
  ruleFiles: readonly string[];
  evaluationIntervalMs: number;
  groupOrder: readonly string[];
  fuzzyCompare: boolean;
  tests: readonly TestGroup[];
}

const defaultIntervalMs = 60_000;

/** Reads a unit-test file of promtool, unmodified. BAD_REQUEST lists all mistakes with their places. */
export function parseUnitTests(text: string, file: string): UnitTestFile {
  const [yaml] = parseYamlDocuments(text, file, {
    maxAliases: 1000,
    scalars: 'text',
  });
  if (yaml === undefined) throw new GaugewayError('BAD_REQUEST', `${file}: empty file`);
  const reader = new FileReader(file, text, yaml);
  const top = new Fields(reader, [], yaml.value);
  const result: UnitTestFile = {
    ruleFiles: textsOf(top, 'rule_files'),
    evaluationIntervalMs: top.duration('evaluation_interval') ?? defaultIntervalMs,
    groupOrder: textsOf(top, 'group_eval_order'),
    fuzzyCompare: top.flag('fuzzy_compare', false),
    tests: [],
  };
  const tests = top
    .list('tests')
    .map(({ path, value }) =>
      readGroup(new Fields(reader, path, value), result.evaluationIntervalMs),
    );
  top.done();
  if (reader.problems.length > 0) {
    throw new GaugewayError('BAD_REQUEST', reader.problems.map(formatProblem).join('\n'));
  }
  return { ...result, tests };
}

function textsOf(fields: Fields, key: string): string[] {
  return fields.list(key).map(({ value }) => String(value));
}

function readGroup(fields: Fields, fallbackMs: number): TestGroup {
  const each = <T>(key: string, read: (item: Fields) => T): T[] =>
    fields.list(key).map(({ path, value }) => {
      const item = fields.item(path, value);
      const result = read(item);
      item.done();
      return result;
    });
  const group: TestGroup = {
    name: fields.text('name'),
    intervalMs: fields.duration('interval') ?? fallbackMs,
    startMs: readStart(fields),
    input: each('input_series', readSeries),
    alertCases: each('alert_rule_test', (item) => ({
      evalMs: item.duration('eval_time') ?? 0,
      alertName: item.text('alertname'),
      expected: item
        .list('exp_alerts')
        .map(({ path, value }) => readExpected(item.item(path, value))),
    })),
    promqlCases: each('promql_expr_test', readPromqlCase),
    externalLabels: fields.texts('external_labels'),
    externalUrl: fields.text('external_url'),
  };
  fields.done();
  return group;
}

/** A time, or seconds since the epoch. */
function readStart(fields: Fields): number {
  const text = fields.text('start_timestamp');
  if (text === '') return 0;
  const ms = /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(ms)) fields.wrong('start_timestamp', `not a time: "${text}"`);
  return ms;
}

function readExpected(fields: Fields): ExpectedAlert {
  const expected = {
    labels: fields.texts('exp_labels'),
    annotations: fields.texts('exp_annotations'),
  };
  fields.done();
  return expected;
}

function readSeries(fields: Fields): InputSeries {
  const labels = labelsField(fields, 'series');
  return { labels, values: valuesField(fields, 'values') };
}

function readPromqlCase(fields: Fields): PromqlCase {
  return {
    expression: promqlField(fields, 'expr'),
    evalMs: fields.duration('eval_time') ?? 0,
    expected: fields.list('exp_samples').map(({ path, value }) => {
      const sample = fields.item(path, value);
      const labels = labelsField(sample, 'labels');
      const key = sample.has('histogram') ? 'histogram' : 'value';
      const [expected] = valuesField(sample, key);
      sample.text('value');
      sample.done();
      return { labels, value: expected };
    }),
  };
}

function valuesField(fields: Fields, key: string): SeriesValue[] {
  try {
    return parseSeriesValues(fields.text(key));
  } catch (error) {
    if (!(error instanceof SeriesNotationError)) throw error;
    fields.wrongAt(key, error.at, error.message);
    return [];
  }
}

/** `name{a="b"}`; `{}` and nothing are the empty label set. */
function labelsField(fields: Fields, key: string): SeriesLabels {
  const text = fields.text(key);
  if (/^\s*(?:\{\s*\})?\s*$/.test(text)) return new Map();
  try {
    return labelsOf(parseSelector(text));
  } catch (error) {
    if (!(error instanceof GaugewayError)) throw error;
    fields.wrong(key, error.message);
    return new Map();
  }
}

function labelsOf(selector: Extract<Expr, { kind: 'selector' }>): SeriesLabels {
  const named: [string, string][] = selector.name === '' ? [] : [['__name__', selector.name]];
  const others = selector.matchers.map(({ name, value }): [string, string] => [name, value]);
  return new Map([...named, ...others]);
}
