/**
 * takes: what somebody wants to keep: a metric, the hosts, the alerts.
 * gives: files, and signed addresses at which they can be fetched for an hour.
 * never: holds a whole file in memory; hands out a file for an address that was changed in any byte.
 * see:   docs/reports.md; PRP §5.6, §8.6
 */
export type { BlobStore } from './blob-store.ts';
export { csvText } from './csv.ts';
export {
  createExports,
  type Exported,
  type ExportQuestion,
  type Exports,
  type TableRows,
} from './exports.ts';
export { createSignedLinks, type SignedLinks } from './signed-links.ts';
