/**
 * takes: clients' connections, changes of alerts in Postgres, and the figures of hosts.
 * gives: status, figures and alerts to those who subscribed, in each replica by itself.
 * never: tells a tenant of another one; drops an alert; waits for a slow client.
 * see:   docs/live.md; PRP REQ-API-007
 */
export { parseCursor, type AlertChange, type AlertFeed, type Cursor } from './alert-feed.ts';
export type { LiveHost, LiveHosts } from './host-sweep.ts';
export type { LiveConfig } from './deps.ts';
export { createLive, type Live } from './live.ts';
export type { LiveReason } from './reasons.ts';
