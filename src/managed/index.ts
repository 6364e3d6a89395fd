/**
 * takes: a data directory.
 * gives: Postgres and VictoriaMetrics as child processes that end with this one.
 * never: listens beyond loopback, knows a password that it did not make, keeps what it holds secret in a log.
 * see:   docs/adr/0003-victoriametrics-as-store.md
 */
export { findPostgres } from './find-postgres.ts';
export { findVictoria, lacksOf } from './find-victoria.ts';
export { identifyProcess, isAlive, type ProcessId } from './process-id.ts';
export {
  managedPostgresUrl,
  startPostgres,
  type ManagedPostgres,
  type PostgresOptions,
} from './postgres.ts';
export { startAgent, type AgentOptions } from './agent.ts';
export { installPinnedRelease, pinnedRelease } from './install-victoria.ts';
export { startVictoria, type ManagedVictoria, type VictoriaOptions } from './victoria.ts';
