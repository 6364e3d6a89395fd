import { compress } from 'snappyjs';

/** Where remote write goes, contract "Write". */
export const writePath = '/api/v1/write';

/** Of remote write 1.0, https://prometheus.io/docs/specs/prw/remote_write_spec/ */
export const writeHeaders = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
} as const;

/** Snappy block format, as remote write asks (not the framed one). */
export function compressBody(body: Uint8Array): Uint8Array {
  return compress(body);
}
