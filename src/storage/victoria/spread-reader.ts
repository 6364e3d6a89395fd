import type {
  Across,
  ReadFailure,
  ReadOutcome,
  SeriesReader,
  StorageRead,
} from '../../query/index.ts';

type Labels = Record<string, string>;
type Point = [number, string];

interface Series {
  metric: Labels;
  value?: Point;
  values?: Point[];
}

interface Answer {
  status: 'success';
  isPartial?: boolean;
  data: unknown;
}

/**
 * Several VictoriaMetrics that share the series of one resolution, as one. Where some of them do not answer, the answer of
 * the others says that it is a part (`isPartial`, as the cluster says it).
 */
export function createSpreadReader(readers: readonly SeriesReader[]): SeriesReader {
  return {
    async read(read, args, options) {
      const all = (text?: string): Promise<ReadOutcome[]> =>
        Promise.all(readers.map((reader) => reader.read(read, withQuery(args, text), options)));
      if (read.endpoint !== 'query' && read.endpoint !== 'query_range') {
        return together(await all(), (data) => ({ data: listed(read, data) }));
      }
      const { across } = read;
      if (!across) return refused;
      if (across.kind !== 'average') {
        return together(await all(), (data) => vectors(data, combined(across)));
      }
      const [sums, counts] = await Promise.all([all(across.sum), all(across.count)]);
      // Of a storage that answered one of them only neither counts.
      const total = sums.map((one, at) => (counts[at]!.ok ? one : counts[at]!));
      const count = counts.map((one, at) => (sums[at]!.ok ? one : sums[at]!));
      const sum = combined({ kind: 'fold', by: 'sum' });
      return together([...total, ...count], (data) => {
        const half = data.length / 2;
        const halves = [data.slice(0, half), data.slice(half)];
        const sides = halves.map((side) => vectors(side, sum).data);
        return vectors(sides, (a, b) => a / b);
      });
    },
  };
}

const refused: ReadFailure = {
  ...{ ok: false, reason: 'refused' },
  message: 'the question needs the series of all zones at once',
};

function withQuery(args: URLSearchParams, text: string | undefined): URLSearchParams {
  if (text === undefined) return args;
  const own = new URLSearchParams(args);
  own.set('query', text);
  return own;
}

interface Joined {
  data: unknown;
  /** Two storages had the same labels at the same moment, and another value. */
  isAmbiguous?: boolean;
}

/** A failure that is the question's is that of all; of those that are storage's there must be an answer left. */
function together(
  outcomes: readonly ReadOutcome[],
  join: (data: readonly unknown[]) => Joined,
): ReadOutcome {
  const own = outcomes.find((one) => !one.ok && one.reason !== 'unavailable');
  if (own) return own;
  const answers = outcomes.map((one) =>
    one.ok ? (JSON.parse(one.body.toString('utf8')) as Answer) : undefined,
  );
  const there = answers.filter((one) => one !== undefined);
  const [failed] = outcomes.filter((one) => !one.ok);
  if (failed && there.length === 0) return failed;
  const isPartial = failed !== undefined || there.some((one) => one.isPartial === true);
  // In its place, so that the halves of an average stay halves.
  const { data, isAmbiguous } = join(answers.map((one) => one?.data));
  // Before the data, where a reader of large answers looks for them.
  const marks = { isPartial, ...(isAmbiguous ? { isAmbiguous } : {}) };
  return { ok: true, body: Buffer.from(JSON.stringify({ status: 'success', ...marks, data })) };
}

type Combine = (a: number, b: number) => number;

function combined(across: Exclude<Across, { kind: 'average' }>): Combine | undefined {
  if (across.kind === 'union') return undefined;
  if (across.by === 'sum') return (a, b) => a + b;
  // As PromQL takes the greatest and least: NaN only where there is nothing else.
  return (a, b) => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) ? b : a;
    return across.by === 'min' ? Math.min(a, b) : Math.max(a, b);
  };
}

interface Vectors {
  resultType: string;
  result: Series[];
}

/** Series with the same labels become one; without a way to combine them the first value of a moment stays. */
function vectors(data: readonly unknown[], how?: Combine): Joined & { data: Vectors } {
  const parts = data.filter((one) => one !== undefined) as Vectors[];
  const series = new Map<string, Series>();
  let isAmbiguous = false;
  const first: Combine = (a, b) => {
    isAmbiguous ||= !Object.is(a, b);
    return a;
  };
  const combine = how ?? first;
  for (const one of parts.flatMap(({ result }) => result)) {
    const key = JSON.stringify(Object.entries(one.metric).sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = series.get(key);
    series.set(key, known ? merged(known, one, combine) : one);
  }
  const resultType = parts[0]?.resultType ?? 'vector';
  return { data: { resultType, result: [...series.values()] }, isAmbiguous };
}

function merged(a: Series, b: Series, combine: Combine): Series {
  const put = ([at, left]: Point, [, right]: Point): Point => [
    at,
    textOf(combine(numberOf(left), numberOf(right))),
  ];
  if (a.value && b.value) return { ...a, value: put(a.value, b.value) };
  const points = new Map((a.values ?? []).map((point) => [point[0], point]));
  for (const point of b.values ?? []) {
    const known = points.get(point[0]);
    points.set(point[0], known ? put(known, point) : point);
  }
  return { ...a, values: [...points.values()].sort(([left], [right]) => left - right) };
}

/** As storage writes them: `+Inf`, `-Inf`, `NaN`. */
const numberOf = (text: string): number => Number(text.replace('Inf', 'Infinity'));

/** The same way back. */
function textOf(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

interface Count {
  name: string;
  value?: number;
  count?: number;
}

function listed({ endpoint }: StorageRead, data: readonly unknown[]): unknown {
  const there = data.filter((one) => one !== undefined);
  if (endpoint === 'status/tsdb') return added(there as Record<string, unknown>[]);
  const all = (there as unknown[][]).flat();
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()].sort(byText);
}

const byText = (a: unknown, b: unknown): number => {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** Numbers are added, and so are the counts of one name; the greatest come first. */
function added(all: readonly Record<string, unknown>[]): Record<string, unknown> {
  const sum: Record<string, unknown> = {};
  for (const [key, value] of all.flatMap((one) => Object.entries(one))) {
    const known = sum[key];
    if (typeof value === 'number') sum[key] = (typeof known === 'number' ? known : 0) + value;
    else if (Array.isArray(value)) {
      sum[key] = addedCounts([...((known as Count[] | undefined) ?? []), ...(value as Count[])]);
    } else sum[key] ??= value;
  }
  return sum;
}

function addedCounts(counts: readonly Count[]): Count[] {
  const byName = new Map<string, Count>();
  for (const one of counts) {
    const value = (byName.get(one.name)?.value ?? 0) + (one.value ?? one.count ?? 0);
    byName.set(one.name, { name: one.name, value });
  }
  return [...byName.values()].sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
}
