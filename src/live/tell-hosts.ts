import type { Server } from 'socket.io';
import { roomOf, waitingFor, type Client } from './client.ts';
import type { LiveHost, SweepTarget } from './host-sweep.ts';

/** What may wait for a client which is still told of figures. */
const mostWaiting = { packets: 8, bytes: 262_144 };
/** Whose clients are left out until they have read what waits for them. */
const behind = '\0behind';

/** Status to all who listen; figures to those who keep up, and the whole of them to who has caught up again. */
export function tellHosts(
  io: Server,
  clients: ReadonlyMap<string, Client>,
  sent: (event: 'host.status' | 'metrics') => void,
): SweepTarget {
  function letGo(tenantId: string): Client[] {
    const back: Client[] = [];
    for (const client of clients.values()) {
      if (client.principal.tenantId !== tenantId) continue;
      const { packets, bytes } = waitingFor(client.socket);
      const isBehind = packets > mostWaiting.packets || bytes > mostWaiting.bytes;
      if (isBehind && !client.isBehind) void client.socket.join(roomOf(tenantId, behind));
      if (!isBehind && client.isBehind) {
        void client.socket.leave(roomOf(tenantId, behind));
        back.push(client);
      }
      client.isBehind = isBehind;
    }
    return back;
  }

  return {
    wanted: () => wantedHosts(clients.values()),
    status(tenantId, host) {
      const rooms = [roomOf(tenantId, 'hosts'), roomOf(tenantId, `host:${host.id}`)];
      io.to(rooms).emit('host.status', { id: host.id, ...host.status });
      sent('host.status');
    },
    figures(tenantId, { changed, all, atMs }) {
      const at = new Date(atMs).toISOString();
      const slow = roomOf(tenantId, behind);
      const back = letGo(tenantId);
      const room = (name: string) => io.to(roomOf(tenantId, name)).except(slow);
      if (changed.length > 0) {
        room('hosts').emit('metrics', { at, hosts: changed.map(toJson) });
        for (const host of changed) {
          room(`host:${host.id}`).emit('metrics', { at, hosts: [toJson(host)] });
        }
        sent('metrics');
      }
      for (const { socket, rooms } of back) {
        const wanted = all.filter(({ id }) => rooms.has('hosts') || rooms.has(`host:${id}`));
        if (wanted.length > 0) socket.emit('metrics', { at, hosts: wanted.map(toJson) });
      }
    },
  };
}

/** With the status: who has just come has not heard of earlier changes. */
const toJson = ({ id, status, figures }: LiveHost) => ({ id, ...status, ...figures });

/** By tenant the hosts that somebody listens to; undefined where somebody listens to all. */
function wantedHosts(clients: Iterable<Client>): Map<string, Set<string> | undefined> {
  const wanted = new Map<string, Set<string> | undefined>();
  for (const { principal, rooms } of clients) {
    const { tenantId } = principal;
    for (const room of rooms) {
      if (room === 'hosts') wanted.set(tenantId, undefined);
      if (!room.startsWith('host:')) continue;
      if (wanted.has(tenantId) && wanted.get(tenantId) === undefined) continue;
      wanted.set(tenantId, (wanted.get(tenantId) ?? new Set()).add(room.slice('host:'.length)));
    }
  }
  return wanted;
}
