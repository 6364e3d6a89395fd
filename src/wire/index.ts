/**
 * takes: bytes that a sender posted, or series that we have.
 * gives: remote write 1.0 and 2.0 in both directions, snappy, the decode kernel of the hot path.
 * never: decides what is acceptable (ingest does), imports a room, waits.
 * see:   docs/adr/0011-webassembly-decode-kernel.md
 */
export {
  createDecodeKernel,
  maxCompressedBytes,
  seriesFlag,
  verdict,
  type DecodeKernel,
} from './kernel/kernel.ts';
export { readLabels } from './labels.ts';
export { readSeries, type Exemplar, type SeriesContent } from './series.ts';
export { readMetadata } from './metadata.ts';
export { toClassicSeries, type HistogramFault, type NativeHistogram } from './native-histogram.ts';
export { toVersion1, translationTooLarge } from './remote-write-v2.ts';
export { referenceRequestV2, referenceWriteRequest } from './reference.ts';
export { WireError } from './varint.ts';
export { Reader } from './varint.ts';
export { Writer } from './writer.ts';
export {
  encodeWriteRequest,
  staleMarkerBytes,
  writeLabels,
  writeMetadata,
  writeSample,
  writeSeries,
  type Label,
  type Metadata,
  type Sample,
  type Series,
} from './write-request.ts';
