import { staleMarkerBytes, Writer, writeLabels, writeSample, type Label } from '../wire/index.ts';
import type { Aggregates, Points } from './aggregates.ts';
import { suffixes } from './tiers.ts';

/** Tag of a TimeSeries in a WriteRequest. */
const seriesTag = 0x0a;

/** A growing remote-write 1.0 body of aggregates. */
export class TierBody {
  private readonly writer = new Writer(1 << 20);
  samples = 0;

  get bytes(): number {
    return this.writer.size;
  }

  /** Adds what one series became; `labels` without its name. */
  add(name: string, labels: readonly Label[], made: Aggregates): void {
    this.series(name, labels, made.value);
    this.series(name + suffixes.min, labels, made.min);
    this.series(name + suffixes.max, labels, made.max);
    this.series(name + suffixes.count, labels, made.count);
  }

  /** The body; the next `add` begins another. */
  take(): Buffer {
    const body = this.writer.finish();
    this.writer.reset();
    this.samples = 0;
    return body;
  }

  private series(name: string, labels: readonly Label[], { stamps, values }: Points): void {
    if (stamps.length === 0) return;
    const { writer } = this;
    writer.message(seriesTag, () => {
      writeLabels(writer, [['__name__', name]]);
      writeLabels(writer, labels);
      for (let at = 0; at < stamps.length; at += 1) {
        const value = values[at]!;
        writeSample(writer, Number.isNaN(value) ? staleMarkerBytes : value, stamps[at]!);
      }
    });
    this.samples += stamps.length;
  }
}
