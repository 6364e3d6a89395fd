import { tenantLabel } from './tenancy.ts';

type Labels = readonly (readonly [string, string])[];

interface Series {
  labels: Labels;
  /** The series as it goes out, `{"metric":{…},"value":[…]}`. */
  text: Buffer;
}

const seriesStart = Buffer.from('{"metric":');
const [quoteByte, backslashByte, closeByte] = [0x22, 0x5c, 0x7d];

export const partialWarning = 'storage answered with a part of the data only';
const ambiguousWarning =
  'series with the same labels are in several zones; of each moment the first value was taken';

/** Compares by code units, as Go compares strings of ASCII label names and near enough for the rest. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Labels of a series as clients may see them: sorted, without the tenant. */
export function visibleLabels(metric: Readonly<Record<string, string>>): Labels {
  return Object.entries(metric)
    .filter(([name]) => name !== tenantLabel)
    .sort(([a], [b]) => compareText(a, b));
}

/** `{"a":"b",…}`; written by hand, since an object would reorder names that look like numbers. */
export function labelsJson(labels: Labels): string {
  return `{${labels.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
}

export function compareLabels(a: Labels, b: Labels): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [left, right] = [a[index]!, b[index]!];
    const order = compareText(left[0], right[0]) || compareText(left[1], right[1]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** End of a flat JSON object of strings that starts at `start`, exclusive. */
function objectEnd(body: Buffer, start: number): number {
  let inString = false;
  for (let at = start; at < body.length; at++) {
    const byte = body[at];
    if (byte === backslashByte) at++;
    else if (byte === quoteByte) inString = !inString;
    else if (byte === closeByte && !inString) return at + 1;
  }
  throw new Error('storage answered with a cut series');
}

/**
 * The series of a `query` or `query_range` answer of VictoriaMetrics. Only the label objects are parsed; the
 * points, by far the most bytes, are passed as they came: they hold numbers and no brace, so that a series ends
 * at the first one.
 */
function seriesOf(body: Buffer): Series[] {
  const found: Series[] = [];
  let at = body.indexOf(seriesStart);
  while (at >= 0) {
    const labelsStart = at + seriesStart.length;
    const labelsEnd = objectEnd(body, labelsStart);
    const end = body.indexOf(closeByte, labelsEnd) + 1;
    if (end === 0) throw new Error('storage answered with a cut series');
    const metric = JSON.parse(body.toString('utf8', labelsStart, labelsEnd)) as Record<
      string,
      string
    >;
    const labels = visibleLabels(metric);
    const head = Buffer.from(`{"metric":${labelsJson(labels)}`);
    found.push({ labels, text: Buffer.concat([head, body.subarray(labelsEnd, end)]) });
    at = body.indexOf(seriesStart, end);
  }
  return found;
}

/** What is marked before the data: a cluster or zones answered without some of them, or two zones not the same. */
function saidOf(body: Buffer): string[] {
  const head = body.subarray(0, Math.max(0, body.indexOf('"data"')));
  return [
    ...(head.includes('"isPartial":true') ? [partialWarning] : []),
    ...(head.includes('"isAmbiguous":true') ? [ambiguousWarning] : []),
  ];
}

function assemble(type: string, result: readonly Buffer[], said: readonly string[]): Buffer {
  const parts: Buffer[] = [
    Buffer.from(`{"status":"success","data":{"resultType":"${type}","result":[`),
  ];
  result.forEach((part, index) => {
    if (index > 0) parts.push(comma);
    parts.push(part);
  });
  const warnings = said.length > 0 ? `,"warnings":${JSON.stringify(said)}` : '';
  parts.push(Buffer.from(`]}${warnings}}`));
  return Buffer.concat(parts);
}

const comma = Buffer.from(',');

/** An instant vector keeps storage's order, which `sort` and `topk` decide. */
export function vectorAnswer(body: Buffer, warnings: readonly string[] = []): Buffer {
  return assemble(
    'vector',
    seriesOf(body).map((series) => series.text),
    [...warnings, ...saidOf(body)],
  );
}

/** A matrix is sorted by labels, as Prometheus sorts it. */
export function matrixAnswer(body: Buffer, warnings: readonly string[] = []): Buffer {
  return stitchedMatrix([body], warnings);
}

/** The parts of one range, oldest first: of a series in several of them the points are put one after the other. */
export function stitchedMatrix(bodies: readonly Buffer[], warnings: readonly string[]): Buffer {
  const byLabels = new Map<string, Series>();
  for (const series of bodies.flatMap(seriesOf)) {
    const key = bodies.length === 1 ? String(byLabels.size) : labelsJson(series.labels);
    const known = byLabels.get(key);
    byLabels.set(key, known ? { ...known, text: joined(known.text, series.text) } : series);
  }
  const all = [...byLabels.values()].sort((a, b) => compareLabels(a.labels, b.labels));
  return assemble(
    'matrix',
    all.map(({ text }) => text),
    [...new Set([...warnings, ...bodies.flatMap(saidOf)])],
  );
}

const valuesStart = Buffer.from('"values":[');

/** `{…,"values":[a]}` and `{…,"values":[b]}` as one with `[a,b]`. */
function joined(first: Buffer, second: Buffer): Buffer {
  const values = second.subarray(second.lastIndexOf(valuesStart) + valuesStart.length);
  return Buffer.concat([first.subarray(0, -2), comma, values]);
}

/** VictoriaMetrics answers a scalar as a vector of one nameless series, and NaN as none at all. */
export function scalarAnswer(
  body: Buffer,
  timeMs: number,
  warnings: readonly string[] = [],
): Buffer {
  const answer = JSON.parse(body.toString('utf8')) as {
    data: { result: { value: [number, string] }[] };
  };
  const value = answer.data.result[0]?.value ?? [timeMs / 1000, 'NaN'];
  return assembleSingle('scalar', value, [...warnings, ...saidOf(body)]);
}

export function assembleSingle(
  type: 'scalar' | 'string',
  value: readonly [number, string],
  warnings: readonly string[] = [],
): Buffer {
  return Buffer.from(
    JSON.stringify({
      ...{ status: 'success', data: { resultType: type, result: value } },
      ...(warnings.length > 0 ? { warnings } : {}),
    }),
  );
}

export function emptyAnswer(type: 'vector' | 'matrix'): Buffer {
  return Buffer.from(`{"status":"success","data":{"resultType":"${type}","result":[]}}`);
}

/** The `data` of an answer that is small enough to be parsed whole, and its warnings. */
export function dataOf(body: Buffer): { data: unknown; warnings: string[] } {
  const answer = JSON.parse(body.toString('utf8')) as { data?: unknown; isPartial?: boolean };
  return { data: answer.data, warnings: answer.isPartial === true ? [partialWarning] : [] };
}
