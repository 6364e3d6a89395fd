/**
 * takes: folders to be held, and folders that were.
 * gives: copies with their checksums, the manifest that lists them, and the verdict about one.
 * never: knows a store, leaves a copy open to others, takes a path of a manifest that leads out of its folder.
 * see:   docs/operations/backup.md
 */
export { copyChecked, copyTree, foldersOf, type Copied } from './copy.ts';
export {
  manifestName,
  readManifest,
  sealManifest,
  type HeldFile,
  type Manifest,
  type Part,
  type PartKind,
} from './manifest.ts';
export { requireEmpty, requireWhole, restoringName, takeBack } from './place.ts';
export { findDamage } from './verify.ts';
