import { encodeWriteRequest, type Label, type Series } from '../../wire/index.ts';
import type { Reason } from '../judge/reason.ts';

/** PRP §8.7: `{host_id, metrics: [{metric, ts, value, labels?}]}`. */
export interface JsonBatch {
  hostId: string;
  metrics: readonly unknown[];
}

export interface JsonBatchError {
  /** Position in `metrics`. */
  index: number;
  reason: Reason;
  message: string;
}

export interface JsonBatchAnswer {
  accepted: number;
  rejected: number;
  errors: JsonBatchError[];
}

/** Name and fixed labels of a dotted API name, or undefined where the catalog has none. */
export type ResolveMetric = (
  apiName: string,
) => { name: string; labels: readonly Label[] } | undefined;

interface Point {
  series: Series;
  index: number;
}

function timestampOf(ts: unknown): number | undefined {
  const ms = typeof ts === 'number' ? ts : typeof ts === 'string' ? Date.parse(ts) : NaN;
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined;
}

function labelsOf(labels: unknown): Label[] | undefined {
  if (labels === undefined || labels === null) return [];
  if (typeof labels !== 'object' || Array.isArray(labels)) return undefined;
  const entries = Object.entries(labels as Record<string, unknown>);
  if (entries.some(([, value]) => typeof value !== 'string')) return undefined;
  return entries as [string, string][];
}

function readPoint(
  entry: unknown,
  index: number,
  hostId: string,
  resolve: ResolveMetric,
): Point | JsonBatchError {
  const fault = (reason: Reason, message: string): JsonBatchError => ({ index, reason, message });
  if (typeof entry !== 'object' || entry === null)
    return fault('invalid_value', 'an object is expected');
  const { metric, ts, value, labels } = entry as Record<string, unknown>;
  if (typeof metric !== 'string' || metric === '')
    return fault('missing_name', 'metric is missing');
  const known = resolve(metric);
  if (!known)
    return fault(
      'unknown_metric',
      `metric ${JSON.stringify(metric.slice(0, 100))} is not in the catalog`,
    );
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return fault('invalid_value', 'value must be a finite number');
  }
  const timestampMs = timestampOf(ts);
  if (timestampMs === undefined) return fault('invalid_timestamp', 'ts must be an ISO 8601 time');
  const own = labelsOf(labels);
  if (!own) return fault('invalid_label', 'labels must be an object of strings');
  const all = new Map<string, string>([...own, ...known.labels]);
  all.set('__name__', known.name);
  all.set('host_id', hostId);
  const sorted = [...all].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return { index, series: { labels: sorted, samples: [{ value, timestampMs }] } };
}

/** The batch as a WriteRequest, one TimeSeries a metric; `indexOf` leads from a series back to its metric. */
export function toWriteRequest(
  batch: JsonBatch,
  resolve: ResolveMetric,
): { bytes: Buffer; indexOf: number[]; errors: JsonBatchError[] } {
  const points: Point[] = [];
  const errors: JsonBatchError[] = [];
  for (const [index, entry] of batch.metrics.entries()) {
    const read = readPoint(entry, index, batch.hostId, resolve);
    if ('reason' in read) errors.push(read);
    else points.push(read);
  }
  return {
    bytes: encodeWriteRequest(points.map((point) => point.series)),
    indexOf: points.map((point) => point.index),
    errors,
  };
}
