import { formatDuration } from '../query/index.ts';
import { type AlertCase, type ExpectedAlert, type PromqlCase } from '../rules/index.ts';

type Labels = ReadonlyMap<string, string>;

/** Storage keeps decimal digits, not the bits of a double. */
const tolerance = 1e-9;

/** What promtool prints of a case that fails; undefined where it holds. */
export function judgeAlerts(
  { alertName, evalMs, expected }: AlertCase,
  firing: readonly ExpectedAlert[],
  name: string,
): string | undefined {
  const wanted = expected.map(({ labels, annotations }) => ({
    labels: new Map([...labels, ['alertname', alertName]]),
    annotations,
  }));
  const exp = wanted.map(alertText).sort();
  const got = firing.map(alertText).sort();
  if (exp.join('\n') === got.join('\n')) return undefined;
  const head = name === '' ? '' : `    name: ${name},\n`;
  return `${head}    alertname: ${alertName}, time: ${formatDuration(evalMs)}, \n        exp:${listText(exp)}, \n        got:${listText(got)}`;
}

/** Empty labels are absent ones; an empty annotation is one. */
function alertText({ labels, annotations }: ExpectedAlert): string {
  return `Labels:${labelsText(labels)}\n              Annotations:${labelsText(annotations, true)}`;
}

function listText(alerts: readonly string[]): string {
  if (alerts.length === 0) return '[]';
  const lines = alerts.map((alert, i) => `            ${i}:\n              ${alert}`);
  return `[\n${lines.join('\n')}\n            ]`;
}

export interface Sample {
  labels: Labels;
  value: number;
}

export function judgeSamples(
  { expression, evalMs, expected }: PromqlCase,
  got: readonly Sample[],
): string | undefined {
  if (expected.some(({ value }) => value?.kind === 'histogram')) {
    return caseText(
      expression,
      evalMs,
      '    native histograms: VictoriaMetrics does not hold them',
    );
  }
  const wanted = expected.map(({ labels, value }) => ({
    labels,
    value: value?.kind === 'float' ? value.value : NaN,
  }));
  const exp = wanted.sort(byLabels);
  const rows = [...got].sort(byLabels);
  if (exp.length === rows.length && exp.every((one, i) => isSame(one, rows[i]))) return undefined;
  return caseText(
    expression,
    evalMs,
    `        exp: ${samplesText(exp)}\n        got: ${samplesText(rows)}`,
  );
}

export const caseText = (expression: string, evalMs: number, text: string): string =>
  `    expr: ${JSON.stringify(expression)}, time: ${formatDuration(evalMs)},\n${text}`;

const byLabels = (a: Sample, b: Sample) => (labelsText(a.labels) < labelsText(b.labels) ? -1 : 1);

function isSame(a: Sample, b: Sample | undefined): boolean {
  if (b === undefined || labelsText(a.labels) !== labelsText(b.labels)) return false;
  if (Object.is(a.value, b.value) || a.value === b.value) return true;
  return Math.abs(a.value - b.value) <= tolerance * Math.max(Math.abs(a.value), Math.abs(b.value));
}

const samplesText = (samples: readonly Sample[]): string =>
  samples.length === 0
    ? 'nil'
    : samples.map(({ labels, value }) => `${labelsText(labels)} ${floatText(value)}`).join(', ');

function labelsText(labels: Labels, keepsEmpty = false): string {
  const pairs = [...labels].filter(([, value]) => keepsEmpty || value !== '');
  const sorted = pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`;
}

/** Go's `E` format: at least two digits of exponent. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return value
    .toExponential()
    .replace(/e([+-])(\d)$/, 'e$10$2')
    .toUpperCase();
}
