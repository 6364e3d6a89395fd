import type { Labels } from '../collect/collector.ts';
import { isNodeMetric } from '../collect/node/metric.ts';
import type { Point } from '../collect/run.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import type { MetricMetadata } from './metadata.ts';
import { SymbolTable } from './symbols.ts';

/**
 * Remote write 2.0 by hand (io.prometheus.write.v2.Request): series keep their label references between ticks,
 * so a tick costs a copy per series instead of an encode.
 *
 *   Request       4: symbols (string*)  5: TimeSeries*
 *   TimeSeries    1: label references   2: Sample   5: Metadata
 *   Sample        1: double             2: int64 milliseconds
 *   Metadata      1: type               3: help reference   4: unit reference
 */
export interface Encoder {
  /** The points of one tick, and a stale marker for each series that was in the last tick and is not in this one. */
  encode(points: readonly Point[], timestampMs: number): Buffer[];
  /** A stale marker for every series of the last tick: the agent ends. Empty when there is none. */
  encodeEnd(timestampMs: number): Buffer[];
}

type LabelSet = Readonly<Record<string, string>>;

export interface EncoderOptions {
  /** On every series. */
  labels: LabelSet;
  /** On series under node_exporter's names, beside those: `job`, `instance`. */
  nodeLabels?: LabelSet;
  /** More series than these go into a further body. */
  maxSeries: number;
  metadataOf: (name: string) => MetricMetadata | undefined;
  compress: (body: Uint8Array) => Buffer;
}

interface Series {
  name: string;
  /** Field 1 whole. */
  refs: Buffer;
  tick: number;
}

/** One series of a tick on its way into a body. */
interface Entry {
  series: Series;
  value: number | 'stale';
}

/** Prometheus's stale marker: a NaN with this payload, which a JavaScript number would not keep. */
const staleNaN = Buffer.from([0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0x7f]);

/** Help texts are larger than all else in a body, so they are told now and then, not each tick. */
const metadataEveryMs = 10 * 60_000;

/** Symbols that no series uses any more may be as many as the used ones, and these. */
const spareSymbols = 256;

export function createEncoder(options: EncoderOptions): Encoder {
  const common = Object.entries(options.labels);
  const ofNode = [...common, ...Object.entries(options.nodeLabels ?? {})];
  const writer = createBodyWriter(options);
  let known = new Map<string, Series>();
  let symbols = new SymbolTable();
  let symbolsInUse = spareSymbols;
  let metadataAtMs: number | undefined;
  let tick = 0;

  function seriesOf(point: Point): Series {
    const key = keyOf(point);
    let series = known.get(key);
    if (series === undefined) {
      const fixed = isNodeMetric(point.name) ? ofNode : common;
      const labels = sortLabels([['__name__', point.name], ...fixed, ...point.labels]);
      const places = labels.flatMap(([name, value]) => [symbols.place(name), symbols.place(value)]);
      series = { name: point.name, refs: packRefs(places), tick };
      known.set(key, series);
    }
    series.tick = tick;
    return series;
  }

  /** Processes come and go, and with them their names: the table begins anew when most of it is unused. */
  function renewSymbols(): void {
    if (symbols.size <= 2 * symbolsInUse) return;
    const texts = symbols.texts();
    symbols = new SymbolTable();
    for (const series of known.values()) {
      series.refs = packRefs(unpackRefs(series.refs).map((place) => symbols.place(texts[place]!)));
    }
    symbolsInUse = Math.max(symbols.size, spareSymbols);
  }

  function isMetadataDue(nowMs: number): boolean {
    const isDue = metadataAtMs === undefined || Math.abs(nowMs - metadataAtMs) >= metadataEveryMs;
    if (isDue) metadataAtMs = nowMs;
    return isDue;
  }

  return {
    encode(points, timestampMs) {
      tick += 1;
      renewSymbols();
      const entries = points.map((point): Entry => ({
        series: seriesOf(point),
        value: point.value,
      }));
      for (const [key, series] of known) {
        if (series.tick === tick) continue;
        entries.push({ series, value: 'stale' });
        known.delete(key);
      }
      return writer.write(entries, symbols, { timestampMs, metadata: isMetadataDue(timestampMs) });
    },
    encodeEnd(timestampMs) {
      const entries = Array.from(known.values(), (series): Entry => ({ series, value: 'stale' }));
      known = new Map<string, Series>();
      return writer.write(entries, symbols, { timestampMs, metadata: false });
    },
  };
}

interface Moment {
  timestampMs: number;
  metadata: boolean;
}

function createBodyWriter({ maxSeries, metadataOf, compress }: EncoderOptions) {
  const body = new ByteWriter(16_384);
  const series = new ByteWriter(256);
  const sample = new ByteWriter(32);

  function putSeries(
    { series: { refs, name }, value }: Entry,
    at: Moment,
    told?: SymbolTable,
  ): void {
    sample.clear();
    sample.byte(0x09);
    if (value === 'stale') sample.raw(staleNaN);
    else sample.double(value);
    sample.byte(0x10);
    sample.varint(at.timestampMs);
    series.clear();
    series.raw(refs);
    series.field(0x12, sample.view());
    const metadata = told && metadataOf(name);
    if (metadata) series.field(0x2a, packMetadata(metadata, told));
    body.field(0x2a, series.view());
  }

  /** Each body has the whole table of symbols, so that each can be read by itself. */
  function toBody(entries: readonly Entry[], symbols: SymbolTable, at: Moment): Buffer {
    const told = at.metadata ? new SymbolTable(symbols.size) : undefined;
    for (const {
      series: { name },
    } of told ? entries : []) {
      const metadata = metadataOf(name);
      if (metadata) packMetadata(metadata, told!);
    }
    body.clear();
    body.raw(symbols.view());
    if (told) body.raw(told.view());
    for (const entry of entries) putSeries(entry, at, told);
    return compress(body.view());
  }

  return {
    write(entries: readonly Entry[], symbols: SymbolTable, at: Moment): Buffer[] {
      const bodies: Buffer[] = [];
      for (let start = 0; start < entries.length; start += maxSeries) {
        bodies.push(toBody(entries.slice(start, start + maxSeries), symbols, at));
      }
      return bodies;
    },
  };
}

function packMetadata(metadata: MetricMetadata, symbols: SymbolTable): Buffer {
  const writer = new ByteWriter(16);
  writer.byte(0x08);
  writer.byte(metadata.kind === 'counter' ? 1 : 2);
  if (metadata.help !== '') {
    writer.byte(0x18);
    writer.varint(symbols.place(metadata.help));
  }
  if (metadata.unit !== '') {
    writer.byte(0x20);
    writer.varint(symbols.place(metadata.unit));
  }
  return writer.view();
}

function keyOf(point: Point): string {
  let key: string = point.name;
  for (const [name, value] of point.labels) key += `\0${name}\0${value}`;
  return key;
}

/** By name, as the specification asks; a label without a value is no label. */
function sortLabels(labels: Labels): Labels {
  return labels.filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
}

function packRefs(places: readonly number[]): Buffer {
  const inner = new ByteWriter(2 * places.length);
  for (const place of places) inner.varint(place);
  const field = new ByteWriter(2 * places.length + 4);
  field.field(0x0a, inner.view());
  // From the pool of small buffers: there is one for every series.
  return Buffer.from(field.view());
}

function unpackRefs(field: Buffer): number[] {
  const places: number[] = [];
  const reader = new ByteReader(field.subarray(2));
  while (!reader.done) places.push(reader.varint());
  return places;
}
