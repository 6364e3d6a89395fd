/**
 * takes: a data directory.
 * gives: Postgres and VictoriaMetrics as child processes that end with this one.
 * never: listens beyond loopback, knows a password that it did not make, keeps what it holds secret in a log.
 * see:   docs/adr/0003-victoriametrics-as-store.md
 */
export { isHeld } from './directory-lock.ts';
export { findPostgres } from './find-postgres.ts';
export { findVictoria, lacksOf } from './find-victoria.ts';
export { identifyProcess, isAlive, type ProcessId } from './process-id.ts';
export {
  managedPostgresUrl,
  startPostgres,
  type ManagedPostgres,
  type PostgresOptions,
} from './postgres.ts';
export { findPostgresTools, type PostgresTools } from './postgres-tools.ts';
export { startAgent, type AgentOptions } from './agent.ts';
export { installPinnedRelease, pinnedRelease } from './install-victoria.ts';
export { runningVictoria, startVictoria, victoriaStorage } from './victoria.ts';
export type { ManagedVictoria, VictoriaOptions } from './victoria.ts';
