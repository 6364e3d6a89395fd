import type { Server as HttpServer } from 'node:http';
import { Server, type ServerOptions, type Socket } from 'socket.io';
import type { Action, Authenticate, Principal } from '../access/index.ts';
import type { Clock, Logger, Meters } from '../platform/index.ts';
import type { AlertFeed } from './alert-feed.ts';
import { createAlertTail } from './alert-tail.ts';
import { waitingPackets, type Client } from './client.ts';
import { createHostSweep, type LiveHosts } from './host-sweep.ts';
import { createLiveMeters } from './meters.ts';
import { LiveRefusal, type LiveReason } from './reasons.ts';
import { tellHosts } from './tell-hosts.ts';
import { onRenew, onSubscribe, onUnsubscribe, type Asked } from './requests.ts';

export interface LiveConfig {
  /** Clients of this process. */
  maxClients: number;
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

/** Live updates over socket.io at `/live` (contract "Live"). */
export interface Live {
  /** Takes over what is asked below `/live`; the rest stays with the server. */
  attach(server: HttpServer): void;
  /** Tells clients to come again elsewhere and ends. */
  close(): Promise<void>;
}

/** How often credentials and the patience with slow clients are looked at. */
const checkMs = 1_000;

const options: Partial<ServerOptions> = {
  ...{ path: '/live', serveClient: false, transports: ['websocket', 'polling'] },
  // Clients ask for rooms; nobody needs more.
  ...{ maxHttpBufferSize: 16_384, perMessageDeflate: false, httpCompression: false },
  ...{ connectTimeout: 10_000, pingInterval: 20_000, pingTimeout: 20_000 },
};

export function createLive(deps: LiveDeps): Live {
  const { config, clock } = deps;
  const log = deps.log.child('live');
  const clients = new Map<string, Client>();
  const meters = createLiveMeters(deps.meters, () => clients.size);
  const io = new Server(options);
  const tail = createAlertTail({ feed: deps.feed, log, lookMs: config.alertInterval });
  const sweep = createHostSweep({
    ...{ hosts: deps.hosts, everyMs: config.interval, nowMs: () => clock.nowMs(), log },
    target: tellHosts(io, clients, meters.sent),
  });

  function end({ socket }: Client, code: LiveReason, reason?: string): void {
    meters.refused(code);
    socket.emit('end', { code, ...(reason === undefined ? {} : { reason }) });
    socket.disconnect(true);
  }

  async function check(client: Client): Promise<void> {
    if (waitingPackets(client.socket) > config.maxWaiting) end(client, 'SLOW');
    // A database that is away ends nobody's session.
    const judged = await Promise.resolve(deps.authenticate(client.authorization)).catch(
      () => undefined,
    );
    if (judged?.ok === false) end(client, 'UNAUTHORIZED', judged.reason);
    else if (judged && !deps.can(judged.principal, 'read')) end(client, 'FORBIDDEN');
  }

  async function letIn(socket: Socket, next: (refusal?: Error) => void): Promise<void> {
    const admitted = await admit(socket, deps, clients.size).catch(toRefusal);
    if (admitted instanceof LiveRefusal) {
      meters.refused(admitted.data.code);
      next(admitted);
      return;
    }
    socket.data = admitted;
    next();
  }

  function welcome(socket: Socket): void {
    const client: Client = {
      ...(socket.data as Pick<Client, 'principal' | 'authorization'>),
      ...{ socket, rooms: new Set<string>(), alerts: undefined },
      ...{ isBehind: false, asked: { second: 0, count: 0 } },
    };
    clients.set(socket.id, client);
    listen({ client, deps, tail, wake: () => sweep.wake() }, () => {
      clients.delete(socket.id);
      if (client.alerts) tail.remove(client.alerts);
    });
  }

  io.use((socket, next) => void letIn(socket, next));
  io.on('connection', welcome);
  const checkAll = (): void => [...clients.values()].forEach((client) => void check(client));
  const timer = setInterval(checkAll, checkMs).unref();

  return {
    attach: (server) => void io.attach(server),
    async close() {
      clearInterval(timer);
      for (const { socket } of clients.values()) socket.emit('end', { code: 'SHUTTING_DOWN' });
      await Promise.all([tail.close(), sweep.close()]);
      io.disconnectSockets(true);
      io.engine.close();
    },
  };
}

const toRefusal = (error: unknown): LiveRefusal =>
  error instanceof LiveRefusal ? error : new LiveRefusal('UNAVAILABLE', 'Come again');

function listen(asked: Asked, onEnd: () => void): void {
  const { socket } = asked.client;
  socket.on('subscribe', (...args: unknown[]) => void onSubscribe(asked, args));
  socket.on('unsubscribe', (...args: unknown[]) => onUnsubscribe(asked, args));
  socket.on('renew', (...args: unknown[]) => void onRenew(asked, args));
  socket.on('disconnect', onEnd);
}

async function admit(
  { handshake }: Socket,
  { authenticate, can, config }: LiveDeps,
  clients: number,
): Promise<Pick<Client, 'principal' | 'authorization'>> {
  if (clients >= config.maxClients) {
    throw new LiveRefusal('TOO_MANY_CLIENTS', 'This process has as many clients as it may');
  }
  const given: unknown = (handshake.auth as { token?: unknown }).token;
  const token = typeof given === 'string' ? given : undefined;
  const header = handshake.headers.authorization;
  const authorization =
    token === undefined ? header : token.startsWith('Bearer ') ? token : `Bearer ${token}`;
  const judged = await authenticate(authorization);
  if (!judged.ok) throw new LiveRefusal('UNAUTHORIZED', 'Invalid or expired token', judged.reason);
  if (!can(judged.principal, 'read'))
    throw new LiveRefusal('FORBIDDEN', 'This needs the right to read');
  return { principal: judged.principal, authorization: authorization ?? '' };
}
