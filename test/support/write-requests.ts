import fc from 'fast-check';
import { referenceWriteRequest } from '../../src/wire/index.ts';

/** A WriteRequest as the reference decodes it. */
export interface DecodedRequest {
  timeseries: {
    labels: { name: string; value: string }[];
    samples: { value: number; timestamp: number }[];
    exemplars: unknown[];
    histograms: unknown[];
  }[];
  metadata: unknown[];
}

export function decodeByReference(bytes: Uint8Array): DecodedRequest {
  return referenceWriteRequest.decode(bytes) as unknown as DecodedRequest;
}

const labelName = fc.oneof(
  fc.constantFrom('__name__', 'job', 'instance', 'host_id', 'tenant', '__replica__', 'zone'),
  fc.string({ maxLength: 6 }),
);
const label = fc.record({ name: labelName, value: fc.string({ maxLength: 12, unit: 'grapheme' }) });

const timestamp = fc.oneof(
  fc.constantFrom(0, -1, -5000, 1_700_000_000_000, Number.MAX_SAFE_INTEGER, -(2 ** 52)),
  fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
);
const sample = fc.record({ value: fc.double(), timestamp });

const histogram = fc.record({
  count_int: fc.nat(100),
  sum: fc.double({ noNaN: true }),
  schema: fc.integer({ min: -4, max: 8 }),
  timestamp,
});
const exemplar = fc.record({
  labels: fc.array(label, { maxLength: 2 }),
  value: fc.double(),
  timestamp,
});

const series = fc.record({
  labels: fc.array(label, { maxLength: 8 }),
  samples: fc.array(sample, { maxLength: 5 }),
  exemplars: fc.array(exemplar, { maxLength: 1 }),
  histograms: fc.array(histogram, { maxLength: 1 }),
});

const metadata = fc.record({
  type: fc.integer({ min: 0, max: 7 }),
  metric_family_name: fc.string({ maxLength: 8 }),
  help: fc.string({ maxLength: 8 }),
  unit: fc.string({ maxLength: 4 }),
});

/** Whatever a sender may put into a remote-write 1.0 request, as plain objects. */
export const writeRequest = fc.record({
  timeseries: fc.array(series, { maxLength: 6 }),
  metadata: fc.array(metadata, { maxLength: 2 }),
});

/** The bytes of a WriteRequest by the reference encoder. */
export const writeRequestBytes = writeRequest.map((request) =>
  referenceWriteRequest.encode(request),
);
