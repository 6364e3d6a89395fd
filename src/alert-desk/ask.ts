import type { Query, QueryOutcome } from '../query/index.ts';
import type { SampleRow } from '../rules/index.ts';

/** One series of an answer over time; times are milliseconds since the epoch. */
export interface SeriesRow {
  labels: ReadonlyMap<string, string>;
  points: readonly { atMs: number; value: number }[];
}

export type Asked<T> =
  | { ok: true; rows: readonly T[] }
  /** `isRefused`: the same question would never be answered. */
  | { ok: false; isRefused: boolean; message: string };

export interface Grid {
  startMs: number;
  endMs: number;
  stepMs: number;
}

/** Questions in a tenant's name, with the limits and the turns that everybody's questions have. */
export interface Ask {
  at(tenantId: string, expression: string, atMs: number): Promise<Asked<SampleRow>>;
  over(tenantId: string, expression: string, grid: Grid): Promise<Asked<SeriesRow>>;
}

interface Answer {
  data: {
    resultType: string;
    result:
      | [number, string]
      | {
          metric: Record<string, string>;
          value?: [number, string];
          values?: [number, string][];
        }[];
  };
}

export function createAsk(query: Pick<Query, 'instant' | 'range'>): Ask {
  return {
    async at(tenantId, expression, atMs) {
      const args = new URLSearchParams({ query: expression, time: String(atMs / 1000) });
      return rowsOf(await query.instant(tenantId, args), toSample);
    },
    async over(tenantId, expression, { startMs, endMs, stepMs }) {
      const args = new URLSearchParams({
        ...{ query: expression, start: String(startMs / 1000), end: String(endMs / 1000) },
        step: String(stepMs / 1000),
      });
      return rowsOf(await query.range(tenantId, args), toSeries);
    },
  };
}

type Row = Exclude<Answer['data']['result'], [number, string]>[number];

function rowsOf<T>(outcome: QueryOutcome, toRow: (row: Row) => T): Asked<T> {
  if (!outcome.ok) {
    const isRefused = outcome.type === 'bad_data' || outcome.type === 'execution';
    return { ok: false, isRefused, message: outcome.message };
  }
  const { data } = JSON.parse(outcome.body.toString('utf8')) as Answer;
  const rows =
    data.resultType === 'scalar'
      ? [{ metric: {}, value: data.result as [number, string] }]
      : (data.result as Exclude<Answer['data']['result'], [number, string]>);
  return { ok: true, rows: rows.map((row) => toRow(row)) };
}

const toSample = ({ metric, value }: Row): SampleRow => ({
  labels: new Map(Object.entries(metric)),
  value: toNumber(value?.[1] ?? 'NaN'),
});

const toSeries = ({ metric, values = [] }: Row): SeriesRow => ({
  labels: new Map(Object.entries(metric)),
  points: values.map(([seconds, text]) => ({
    atMs: Math.round(seconds * 1000),
    value: toNumber(text),
  })),
});

function toNumber(text: string): number {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}
