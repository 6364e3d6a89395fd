/**
 * takes: signs of life from the write path and from agents, and what administrators say of hosts.
 * gives: the inventory of a tenant's hosts with their status, and each host's tags from memory.
 * never: writes to Postgres for a single post, knows HTTP or SQL.
 * see:   docs/adr/0005-where-tenancy-is-enforced.md
 */
export { hostIdSchema, ipSchema } from './host.ts';
export type { HeartbeatReport, Host, HostPatch, Tags } from './host.ts';
export type { HostMatch, HostStore, LastReport, PlannedImport, SeenHost } from './host-store.ts';
export { topBy, type TopBy, type TopProcess, type TopProcesses } from './top-processes.ts';
export { createHosts, type Hosts } from './hosts.ts';
export { createInventory, type Inventory } from './inventory.ts';
export { parseHostsCsv } from './import-csv.ts';
export { createOverview, type HostFilter, type HostView, type Overview } from './overview.ts';
export type { SeriesEraser } from './series-eraser.ts';
export { deriveStatus, describeReason, type HostStatus, type StatusReason } from './status.ts';
export { parseTagFilter, printableText, tagsSchema } from './tags.ts';
