/**
 * takes: signs of life from the write path and from agents.
 * gives: the inventory of a tenant's hosts, and each host's tags from memory.
 * never: writes to Postgres for a single post, knows HTTP or SQL.
 * see:   docs/adr/0005-where-tenancy-is-enforced.md
 */
export type { HeartbeatReport, Host, Tags } from './host.ts';
export type { HostStore, LastReport, SeenHost } from './host-store.ts';
export { topBy, type TopBy, type TopProcess, type TopProcesses } from './top-processes.ts';
export { createHosts, type Hosts } from './hosts.ts';
