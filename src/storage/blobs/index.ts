/**
 * takes: the port of `reports`, as a type, and finished files.
 * gives: them back by name, from a directory or an S3-compatible bucket.
 * never: takes a name of a client, logs a key.
 * see:   docs/reports.md
 */
export { createDirectoryBlobs } from './directory.ts';
export { createS3Blobs, type S3Config } from './s3.ts';
