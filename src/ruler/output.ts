import type { Instances, Labels } from '../alerts/index.ts';
import type { RecordingRule, SampleRow } from '../rules/index.ts';
import { staleMarkerBytes, Writer, writeLabels, writeSample, type Label } from '../wire/index.ts';

/** The series that one rule wrote at its last evaluation, by a text of their labels. */
export type Written = ReadonlyMap<string, readonly Label[]>;

/** Series of one cycle on their way to storage: a remote-write 1.0 request, not compressed. */
export class Output {
  private writer = new Writer();
  private readonly atMs: number;
  count = 0;

  /** `atMs`: the slot less the query offset, as Prometheus stamps them. */
  constructor(atMs: number) {
    this.atMs = atMs;
  }

  /** Writes what is there now, and an end to what was there before and is no longer. */
  replace(before: Written, now: Map<string, { labels: readonly Label[]; value: number }>): Written {
    for (const { labels, value } of now.values()) this.add(labels, value);
    for (const [key, labels] of before) if (!now.has(key)) this.add(labels, staleMarkerBytes);
    return new Map([...now].map(([key, { labels }]) => [key, labels]));
  }

  private add(labels: readonly Label[], value: number | Uint8Array): void {
    this.count += 1;
    this.writer.message(0x0a, () => {
      writeLabels(this.writer, labels);
      writeSample(this.writer, value, this.atMs);
    });
  }

  /** The request so far; what follows begins another. */
  take(): Buffer {
    const body = this.writer.finish();
    this.writer = new Writer();
    this.count = 0;
    return body;
  }
}

type Rows = Map<string, { labels: readonly Label[]; value: number }>;

/** Undefined where two rows are the same series once the rule's labels are on: an error in Prometheus. */
export function recordedSeries(rule: RecordingRule, rows: readonly SampleRow[]): Rows | undefined {
  const series: Rows = new Map();
  for (const row of rows) {
    const labels = new Map(row.labels);
    for (const [name, text] of rule.labels) labels.set(name, text);
    labels.set('__name__', rule.name);
    const sorted = sortedLabels(labels);
    series.set(JSON.stringify(sorted), { labels: sorted, value: row.value });
  }
  return series.size === rows.length ? series : undefined;
}

/** `ALERTS` and `ALERTS_FOR_STATE` of what is pending or firing. */
export function alertSeries(instances: Instances): Rows {
  const series: Rows = new Map();
  for (const { key, state, labels, activeAtMs } of instances.values()) {
    if (state === 'resolved') continue;
    const [alerts, forState] = seriesOf(labels, state);
    series.set(`${state} ${key}`, { labels: alerts, value: 1 });
    series.set(`for ${key}`, { labels: forState, value: activeAtMs / 1000 });
  }
  return series;
}

type SeriesLabels = Readonly<
  Record<'pending' | 'firing', readonly [readonly Label[], readonly Label[]]>
>;

/** By the label map of the instance, which stays the same object while the alert lives. */
const known = new WeakMap<Labels, SeriesLabels>();

function seriesOf(labels: Labels, state: 'pending' | 'firing') {
  let series = known.get(labels);
  if (series === undefined) {
    const forState = sortedLabels(new Map([...labels, ['__name__', 'ALERTS_FOR_STATE']]));
    const alerts = (alertstate: string) =>
      sortedLabels(new Map([...labels, ['__name__', 'ALERTS'], ['alertstate', alertstate]]));
    series = { pending: [alerts('pending'), forState], firing: [alerts('firing'), forState] };
    known.set(labels, series);
  }
  return series[state];
}

function sortedLabels(labels: Labels): Label[] {
  return [...labels]
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
