import type { ValueType } from './ast.ts';

export interface FunctionSignature {
  args: readonly ValueType[];
  /** How many of the last arguments may be left out; -1: the last may repeat, or be left out. */
  optional: number;
  returns: ValueType;
  /** MetricsQL's name where it differs; `null` where VictoriaMetrics has nothing that means the same. */
  storageName?: string | null;
  /** VictoriaMetrics keeps the metric name where Prometheus drops it. */
  storageKeepsName?: boolean;
}

const letters: Readonly<Record<string, ValueType>> = {
  n: 'scalar',
  v: 'instant vector',
  m: 'range vector',
  t: 'string',
};

/** `v`, `nm`, `v?n` (last optional), `vtt*` (last may repeat): one letter per argument. */
function takes(shape: string, extra: Partial<FunctionSignature> = {}): FunctionSignature {
  const args = Array.from(shape.replace(/[?*]/g, '')).map((letter) => letters[letter]!);
  const mark = shape.indexOf('?');
  const optional = shape.endsWith('*') ? -1 : mark < 0 ? 0 : args.length - mark;
  return { args, optional, returns: 'instant vector', ...extra };
}

function each(
  names: string,
  shape: string,
  extra: Partial<FunctionSignature> = {},
): [string, FunctionSignature][] {
  return names.split(' ').map((name) => [name, takes(shape, extra)]);
}

const keepsName = { storageKeepsName: true } as const;
const missing = { storageName: null } as const;

/** Prometheus 3's functions (promql/parser/functions.go); anything else is refused. */
export const functions: ReadonlyMap<string, FunctionSignature> = new Map([
  ...each('abs absent exp ln log10 log2 sgn sort sort_desc sqrt timestamp', 'v'),
  ...each('acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh deg rad', 'v'),
  ...each('ceil floor', 'v', keepsName),
  ...each('clamp', 'vnn', keepsName),
  ...each('clamp_max clamp_min', 'vn', keepsName),
  ...each('round', 'v?n', keepsName),
  ...each('day_of_month day_of_week day_of_year days_in_month hour minute month year', '?v'),
  ...each('absent_over_time count_over_time present_over_time', 'm'),
  ...each('last_over_time', 'm'),
  ...each('first_over_time', 'm'),
  ...each('avg_over_time max_over_time min_over_time', 'm', keepsName),
  ...each('mad_over_time stddev_over_time stdvar_over_time sum_over_time', 'm'),
  ...each('delta deriv idelta increase irate rate resets', 'm'),
  ...each('changes', 'm', { storageName: 'changes_prometheus' }),
  ...each('quantile_over_time', 'nm', keepsName),
  ...each('predict_linear', 'mn', keepsName),
  ...each('holt_winters double_exponential_smoothing', 'mnn', {
    storageName: 'holt_winters',
    ...keepsName,
  }),
  ...each('histogram_quantile', 'nv'),
  ...each(
    'histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum',
    'v',
    missing,
  ),
  ...each('histogram_fraction', 'nnv', missing),
  ...each('info', 'v?v', missing),
  ...each('ts_of_first_over_time', 'm', { storageName: 'tfirst_over_time' }),
  ...each('ts_of_last_over_time', 'm', { storageName: 'tlast_over_time' }),
  ...each('ts_of_max_over_time', 'm', { storageName: 'tmax_over_time' }),
  ...each('ts_of_min_over_time', 'm', { storageName: 'tmin_over_time' }),
  ...each('label_replace', 'vtttt'),
  ...each('label_join', 'vttt*'),
  ...each('sort_by_label sort_by_label_desc', 'vt*'),
  ...each('scalar', 'v', { returns: 'scalar' }),
  ...each('time pi', '', { returns: 'scalar' }),
  ...each('vector', 'n'),
]);

/** Aggregations and the type of their parameter, where they take one. */
export const aggregations: ReadonlyMap<string, ValueType | undefined> = new Map<
  string,
  ValueType | undefined
>([
  ['avg', undefined],
  ['bottomk', 'scalar'],
  ['count', undefined],
  ['count_values', 'string'],
  ['group', undefined],
  ['limitk', 'scalar'],
  ['max', undefined],
  ['min', undefined],
  ['quantile', 'scalar'],
  ['stddev', undefined],
  ['stdvar', undefined],
  ['sum', undefined],
  ['topk', 'scalar'],
]);
