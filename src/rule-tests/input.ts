import { GaugewayError } from '../platform/index.ts';
import type { TestGroup } from '../rules/index.ts';
import { staleMarkerBytes, Writer, writeLabels, writeSample, type Label } from '../wire/index.ts';

/** A group's input series as one remote-write request. BAD_REQUEST for what storage cannot hold. */
export function inputRequest({ input, intervalMs, startMs }: TestGroup, shiftMs: number): Buffer {
  const writer = new Writer();
  for (const { labels, values } of input) {
    writer.message(0x0a, () => {
      writeLabels(writer, sorted(labels));
      for (const [place, value] of values.entries()) {
        const atMs = startMs + shiftMs + place * intervalMs;
        if (value.kind === 'histogram') throw noHistograms;
        if (value.kind === 'float') writeSample(writer, value.value, atMs);
        if (value.kind === 'stale') writeSample(writer, staleMarkerBytes, atMs);
      }
    });
  }
  return writer.finish();
}

const noHistograms = new GaugewayError(
  'BAD_REQUEST',
  'native histograms: VictoriaMetrics does not hold them',
);

const sorted = (labels: ReadonlyMap<string, string>): Label[] =>
  [...labels]
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
