import type { MeterFamily } from '../platform/index.ts';
import { staleMarkerBytes, Writer, writeLabels, writeSample, type Label } from '../wire/index.ts';

/** Whose metrics they are: the labels that a scrape would have put on them. */
export interface Target {
  job: string;
  /** `HOST:PORT`; the same after a restart. */
  instance: string;
  /** `all`, or the roles of the process with commas. */
  role: string;
}

export type OwnSeries = ReadonlyMap<string, { labels: readonly Label[]; value: number }>;

/** Uncompressed remote-write 1.0 request. */
export interface OwnRequest {
  body: Buffer;
  samples: number;
}

/** Far below what one request may hold. */
const samplesPerRequest = 2_000;

/** As a scrape of `/metrics` would have it, `up` included. NaN, which storage does not keep, is left out. */
export function seriesOf(families: readonly MeterFamily[], target: Target): OwnSeries {
  const series = new Map<string, { labels: readonly Label[]; value: number }>();
  const add = (name: string, own: Readonly<Record<string, string>>, value: number): void => {
    if (Number.isNaN(value)) return;
    const present = Object.entries({ ...own, ...target, __name__: name }).filter(
      ([, text]) => text !== '',
    );
    const labels = present.sort(([a], [b]) => (a < b ? -1 : 1));
    series.set(JSON.stringify(labels), { labels, value });
  };
  for (const { samples } of families) {
    for (const { name, labels, value } of samples) add(name, labels, value);
  }
  add('up', {}, 1);
  return series;
}

/** What is there now, and an end to what was there before and is no longer; in requests of a bounded size. */
export function requestsOf(now: OwnSeries, before: OwnSeries, atMs: number): OwnRequest[] {
  const gone = [...before].filter(([key]) => !now.has(key));
  const rows: [readonly Label[], number | Uint8Array][] = [
    ...[...now.values()].map(({ labels, value }): [readonly Label[], number] => [labels, value]),
    ...gone.map(([, { labels }]): [readonly Label[], Uint8Array] => [labels, staleMarkerBytes]),
  ];
  const requests: OwnRequest[] = [];
  for (let from = 0; from < rows.length; from += samplesPerRequest) {
    const part = rows.slice(from, from + samplesPerRequest);
    requests.push({ body: encode(part, atMs), samples: part.length });
  }
  return requests;
}

function encode(
  rows: readonly [readonly Label[], number | Uint8Array][],
  timestampMs: number,
): Buffer {
  const writer = new Writer();
  for (const [labels, value] of rows) {
    writer.message(0x0a, () => {
      writeLabels(writer, labels);
      writeSample(writer, value, timestampMs);
    });
  }
  return writer.finish();
}
