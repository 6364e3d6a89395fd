import { Server, type ServerOptions, type Socket } from 'socket.io';
import { createAlertTail } from './alert-tail.ts';
import { waitingFor, type Client } from './client.ts';
import type { LiveDeps } from './deps.ts';
import { createHostSweep } from './host-sweep.ts';
import { createLiveMeters } from './meters.ts';
import { LiveRefusal, type LiveReason } from './reasons.ts';
import { tellHosts } from './tell-hosts.ts';
import { onRenew, onSubscribe, onUnsubscribe, type Asked } from './requests.ts';

/** Live updates over socket.io at `/live` (contract "Live"). */
export interface Live {
  readonly path: string;
  /** Takes over what is asked below `/live`; the rest stays with the server. */
  attach(server: Parameters<Server['attach']>[0]): void;
  /** Tells clients to come again elsewhere and ends. */
  close(): Promise<void>;
}

/** How often credentials and the patience with slow clients are looked at. */
const checkMs = 1_000;
/** In the websocket of one client. */
const mostWaitingBytes = 8 * 1024 * 1024;

const path = '/live';

const options: Partial<ServerOptions> = {
  ...{ path, serveClient: false, transports: ['websocket', 'polling'] },
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
    const { packets, bytes } = waitingFor(client.socket);
    if (packets > config.maxWaiting || bytes > mostWaitingBytes) end(client, 'SLOW');
    // A database that is away ends nobody's session.
    const judged = await Promise.resolve(deps.authenticate(client.authorization)).catch(
      () => undefined,
    );
    if (judged?.ok === false) end(client, 'UNAUTHORIZED', judged.reason);
    else if (judged && !deps.can(judged.principal, 'read')) end(client, 'FORBIDDEN');
  }

  async function letIn(socket: Socket, next: (refusal?: Error) => void): Promise<void> {
    const admitted = await admit(socket, deps, clients).catch(toRefusal);
    const isRefused = admitted instanceof LiveRefusal;
    if (isRefused) meters.refused(admitted.data.code);
    else socket.data = admitted;
    next(isRefused ? admitted : undefined);
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
    path,
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
  clients: ReadonlyMap<string, Client>,
): Promise<Pick<Client, 'principal' | 'authorization'>> {
  if (clients.size >= config.maxClients) {
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
  const { tenantId } = judged.principal;
  const ofTenant = [...clients.values()].filter((one) => one.principal.tenantId === tenantId);
  if (ofTenant.length >= config.maxClientsPerTenant) {
    throw new LiveRefusal('TOO_MANY_CLIENTS', 'This tenant has as many clients as it may');
  }
  return { principal: judged.principal, authorization: authorization ?? '' };
}
