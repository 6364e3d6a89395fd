import { LRUCache } from 'lru-cache';
import { messageOf } from '../platform/index.ts';
import { ruleQuery, scopedArguments, tenantLabel, type SeriesReader } from '../query/index.ts';
import type { SampleRow } from '../rules/index.ts';

export type Answer =
  { ok: true; rows: readonly SampleRow[]; isPartial: boolean } | { ok: false; message: string };

/** One PromQL question of a tenant at one moment, milliseconds since the epoch. */
export type Ask = (tenantId: string, expression: string, atMs: number) => Promise<Answer>;

export interface AskLimits {
  timeoutMs: number;
  /** Rows of one answer; more are an error, not a part of an answer. */
  maxRows: number;
  /** Where several storages share the series: labels that keep a series in one of them. */
  placedBy?: readonly string[];
}

/** How far back a selector finds its last sample, as in Prometheus. */
const lookback = '5m';

interface VectorAnswer {
  isPartial?: boolean;
  data: {
    resultType: string;
    result: { metric: Record<string, string>; value: [number, string] }[] | [number, string];
  };
}

/** Expressions in storage's words; rules ask the same again and again. */
const mostTexts = 20_000;

/**
 * Asks storage directly: no cache and no delay, or VictoriaMetrics answers as of 30 s ago (field/alerting.md 1.10).
 * `label` keeps those apart who share storage: tenants.
 */
export function createAsk(reader: SeriesReader, limits: AskLimits, label = tenantLabel): Ask {
  const texts = new LRUCache<string, ReturnType<typeof ruleQuery>>({ max: mostTexts });
  const textOf = (expression: string) => {
    const known = texts.get(expression) ?? ruleQuery(expression, label, limits.placedBy);
    texts.set(expression, known);
    return known;
  };
  return async (scope, expression, atMs) => {
    const query = textOf(expression);
    if (!query.ok) return query;
    const args = scopedArguments(
      scope,
      [
        ['query', query.text],
        ['time', String(atMs / 1000)],
        ['step', lookback],
        ['nocache', '1'],
        ['latency_offset', '1ms'],
        ['timeout', `${limits.timeoutMs}ms`],
      ],
      label,
    );
    const { across } = query;
    const read = { endpoint: 'query', ...(across ? { across } : {}) } as const;
    const outcome = await reader.read(read, args, { timeoutMs: limits.timeoutMs });
    if (!outcome.ok) return { ok: false, message: `${outcome.reason}: ${outcome.message}` };
    try {
      const answer = JSON.parse(outcome.body.toString('utf8')) as VectorAnswer;
      return toRows(answer, { maxRows: limits.maxRows, label });
    } catch (error) {
      return { ok: false, message: `storage's answer is not to be read: ${messageOf(error)}` };
    }
  };
}

function toRows(
  { isPartial, data }: VectorAnswer,
  { maxRows, label }: { maxRows: number; label: string },
): Answer {
  const partial = isPartial === true;
  const { result } = data;
  if (data.resultType === 'scalar') {
    const [, value] = result as [number, string];
    return { ok: true, isPartial: partial, rows: [{ labels: new Map(), value: toNumber(value) }] };
  }
  const vector = result as { metric: Record<string, string>; value: [number, string] }[];
  if (vector.length > maxRows) {
    return { ok: false, message: `${vector.length} rows, more than the ${maxRows} of one rule` };
  }
  const rows = vector.map(({ metric, value }) => ({
    labels: labelsOf(metric, label),
    value: toNumber(value[1]),
  }));
  return { ok: true, isPartial: partial, rows };
}

/** The label that keeps them apart is ours, and nobody's rule sees it. */
function labelsOf(metric: Record<string, string>, label: string): Map<string, string> {
  const labels = new Map(Object.entries(metric));
  labels.delete(label);
  return labels;
}

function toNumber(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}
