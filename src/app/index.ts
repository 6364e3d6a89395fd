/**
 * takes: a configuration.
 * gives: the running product, and the way to stop it in order.
 * never: decides anything a room could decide.
 * see:   docs/adr/0002-one-image-four-roles.md
 */
export { makeBackup, type BackupManifest } from './backup.ts';
export {
  compose,
  type BuildRooms,
  type FirstStart,
  type Running,
  type Serving,
} from './compose.ts';
export { withSchema, type Schema } from './database.ts';
export { askForHours, type AskedHours } from './hours-again.ts';
export { parseListen, requireFree } from './listen-address.ts';
export { readLocalKeys, type LocalKeys } from './local-keys.ts';
export { createLifecycle, type Lifecycle } from './lifecycle.ts';
export { expandRoles, roleTable, type Role } from './roles.ts';
export { checkBackup, restoreBackup } from './restore.ts';
export { buildRooms } from './rooms.ts';
