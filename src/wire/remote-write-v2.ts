import { utf8 } from './labels.ts';
import { Reader, WireError } from './varint.ts';
import { metricTypes, writeMetadata, type Metadata } from './write-request.ts';
import { Writer } from './writer.ts';

export interface TranslationLimits {
  maxSymbols: number;
  maxSeries: number;
  /** Of the 1.0 request: two bytes of references can stand for a megabyte of symbol. */
  maxBytes: number;
}

/** Message of the WireError where `maxBytes` would be exceeded. */
export const translationTooLarge = 'too large as a 1.0 request';

/** A label takes two references; more of them than any series has labels is an attack on memory. */
const maxReferences = 2_000;

/**
 * Remote write 2.0 (io.prometheus.write.v2.Request, 2.0-rc.4) rewritten as a 1.0 WriteRequest.
 * Start timestamps (Sample 3, Histogram 17, the older TimeSeries 6) are read over: 1.0 has no place for them.
 * Throws WireError where the request as a whole cannot be believed: a reference out of range, an odd number of
 * label references, a first symbol that is not empty.
 */
export function toVersion1(bytes: Buffer, limits: TranslationLimits): Buffer {
  const translation = new Translation(bytes, limits);
  return translation.run();
}

/** Series faults that 1.0 cannot express are kept visible to the validation by what the series lacks. */
class Translation {
  private readonly bytes: Buffer;
  private readonly limits: TranslationLimits;
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private readonly out: Writer;
  private readonly metadata = new Map<string, Metadata>();
  private refs: number[] = [];

  constructor(bytes: Buffer, limits: TranslationLimits) {
    this.bytes = bytes;
    this.limits = limits;
    this.out = new Writer(Math.min(bytes.length * 3, limits.maxBytes) + 1024);
  }

  run(): Buffer {
    const reader = new Reader(this.bytes);
    const series: Reader[] = [];
    while (!reader.done) {
      const tag = reader.uint32();
      if (tag === 0x22) this.symbol(reader);
      else if (tag === 0x2a) {
        series.push(reader.message());
        if (series.length > this.limits.maxSeries) throw new WireError('too many series');
      } else reader.skip(tag);
    }
    if (series.length > 0 && this.starts.length === 0) throw new WireError('no symbols');
    for (const one of series) this.series(one);
    for (const entry of this.metadata.values()) writeMetadata(this.out, entry);
    return this.out.view();
  }

  private symbol(reader: Reader): void {
    const { start, end } = reader.range();
    if (this.starts.length === 0 && start !== end) throw new WireError('first symbol is not empty');
    if (this.starts.length >= this.limits.maxSymbols) throw new WireError('too many symbols');
    this.starts.push(start);
    this.ends.push(end);
  }

  private text(reference: number): string {
    return utf8(this.symbolBytes(reference));
  }

  private symbolBytes(reference: number): Buffer {
    const start = this.starts[reference];
    if (start === undefined) throw new WireError('symbol reference out of range');
    return this.bytes.subarray(start, this.ends[reference]);
  }

  private readRefs(reader: Reader): void {
    const inner = reader.message();
    while (!inner.done) this.pushRef(inner.uint32());
  }

  private pushRef(reference: number): void {
    if (this.refs.length >= maxReferences) throw new WireError('too many label references');
    this.refs.push(reference);
  }

  private labels(): void {
    if (this.refs.length % 2 !== 0) throw new WireError('odd number of label references');
    for (let i = 0; i < this.refs.length; i += 2) {
      const name = this.symbolBytes(this.refs[i] ?? 0);
      const value = this.symbolBytes(this.refs[i + 1] ?? 0);
      if (this.out.size + name.length + value.length > this.limits.maxBytes) {
        throw new WireError(translationTooLarge);
      }
      this.out.message(0x0a, () => {
        this.out.bytes(0x0a, name);
        this.out.bytes(0x12, value);
      });
    }
  }

  private series(reader: Reader): void {
    const samples: Reader[] = [];
    const histograms: Reader[] = [];
    const exemplars: Reader[] = [];
    let metadata: Reader | undefined;
    this.refs = [];
    while (!reader.done) {
      const tag = reader.uint32();
      if (tag === 0x0a) this.readRefs(reader);
      else if (tag === 0x08) this.pushRef(reader.uint32());
      else if (tag === 0x12) samples.push(reader.message());
      else if (tag === 0x1a) histograms.push(reader.message());
      else if (tag === 0x22) exemplars.push(reader.message());
      else if (tag === 0x2a) metadata = reader.message();
      else reader.skip(tag);
    }
    if (metadata) this.readMetadata(metadata);
    this.out.message(0x0a, () => {
      this.labels();
      for (const sample of samples) this.sample(sample);
      for (const exemplar of exemplars) this.exemplar(exemplar);
      for (const histogram of histograms) {
        this.out.bytes(0x22, this.bytes.subarray(histogram.at, histogram.end));
      }
    });
  }

  private sample(reader: Reader): void {
    let valueAt = -1;
    let timestampMs = 0;
    while (!reader.done) {
      const tag = reader.uint32();
      if (tag === 0x09) {
        valueAt = reader.at;
        reader.skip(tag);
      } else if (tag === 0x10) timestampMs = reader.int64();
      else reader.skip(tag);
    }
    this.out.message(0x12, () => {
      if (valueAt >= 0) {
        this.out.byte(0x09);
        this.out.raw(this.bytes.subarray(valueAt, valueAt + 8));
      }
      this.out.byte(0x10);
      this.out.int64(timestampMs);
    });
  }

  private exemplar(reader: Reader): void {
    const outer = this.refs;
    this.refs = [];
    let value = 0;
    let timestampMs = 0;
    while (!reader.done) {
      const tag = reader.uint32();
      if (tag === 0x0a) this.readRefs(reader);
      else if (tag === 0x08) this.pushRef(reader.uint32());
      else if (tag === 0x11) value = reader.double();
      else if (tag === 0x18) timestampMs = reader.int64();
      else reader.skip(tag);
    }
    this.out.message(0x1a, () => {
      this.labels();
      this.out.byte(0x11);
      this.out.double(value);
      this.out.byte(0x18);
      this.out.int64(timestampMs);
    });
    this.refs = outer;
  }

  private readMetadata(reader: Reader): void {
    const entry: Metadata = { metric: this.metricName(), type: 'unknown', help: '', unit: '' };
    while (!reader.done) {
      const tag = reader.uint32();
      if (tag === 0x08) entry.type = metricTypes[reader.uint32()] ?? 'unknown';
      else if (tag === 0x18) entry.help = this.text(reader.uint32());
      else if (tag === 0x20) entry.unit = this.text(reader.uint32());
      else reader.skip(tag);
    }
    const says = entry.type !== 'unknown' || entry.help !== '' || entry.unit !== '';
    if (says && entry.metric !== '') this.metadata.set(entry.metric, entry);
  }

  private metricName(): string {
    for (let i = 0; i + 1 < this.refs.length; i += 2) {
      const name = this.symbolBytes(this.refs[i] ?? 0);
      if (name.length === 8 && name.equals(nameLabel)) return this.text(this.refs[i + 1] ?? 0);
    }
    return '';
  }
}

const nameLabel = Buffer.from('__name__');
