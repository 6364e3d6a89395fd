import type { Action, Authenticate, Principal } from '../access/index.ts';
import type { Clock, Logger, Meters } from '../platform/index.ts';
import type { AlertFeed } from './alert-feed.ts';
import type { LiveHosts } from './host-sweep.ts';

export interface LiveConfig {
  /** Clients of this process. */
  maxClients: number;
  /** Of them, those of one tenant. */
  maxClientsPerTenant: number;
  /** Rooms of one client. */
  maxRooms: number;
  /** How often figures are looked at, milliseconds. */
  interval: number;
  /** How often changes of alerts are looked for, milliseconds. */
  alertInterval: number;
  /** Packets that may wait for a slow client before it is sent away. */
  maxWaiting: number;
}

export interface LiveDeps {
  authenticate: Authenticate;
  can: (principal: Principal, action: Action) => boolean;
  feed: AlertFeed;
  hosts: LiveHosts;
  hasHost: (tenantId: string, id: string) => Promise<boolean>;
  config: LiveConfig;
  clock: Clock;
  log: Logger;
  meters: Meters;
}
