import type { Readable } from 'node:stream';

/** Port: where files wait to be fetched, a local directory or an S3-compatible bucket. Names are ours, never a client's. */
export interface BlobStore {
  /** Takes over the file at `path`. Rejects with UNAVAILABLE where the store does not take it. */
  put(name: string, path: string, contentType: string): Promise<void>;
  /** Undefined where there is none of this name. */
  open(name: string): Promise<{ stream: Readable; bytes: number } | undefined>;
  /** Where the store itself hands the file out for so long; undefined where this server does. */
  address(
    name: string,
    options: { fileName: string; ttlSeconds: number },
  ): Promise<string | undefined>;
  /** Removes what is older of those whose names begin so: their number. A bucket has a lifecycle rule for this. */
  purge(prefix: 'export-' | 'report-', olderThanMs: number): Promise<number>;
  /** Removes the oldest of all until the others have so many bytes together: their number. A bucket has its own bounds. */
  trim(maxBytes: number): Promise<number>;
  /** Removes every file of one tenant, whose names begin with the kind and its id: their number. */
  removeOf(tenantId: string): Promise<number>;
}

/** Whose file it is; undefined for a name of before. */
export const tenantOfFile = (name: string): string | undefined =>
  /^(?:export|report)-([a-z0-9-]+)\../.exec(name)?.[1];
