/**
 * takes: how long each kind of row and file is kept.
 * gives: their removal, a batch after the other, by one worker for rows and by every process for its own files; counted.
 * never: decides what is over (the stores do), holds a lock for longer than a batch.
 * see:   docs/operations/purge.md
 */
export { createPurgedCounter, type Purged } from './counter.ts';
export { createFilePurge, type FilePurge, type PurgedFiles } from './files.ts';
export { removeLeftOvers } from './left-overs.ts';
export {
  createRowPurge,
  rowKinds,
  type RowKind,
  type RowPurge,
  type RowPurgeStore,
} from './rows.ts';
