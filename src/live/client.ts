import type { Socket } from 'socket.io';
import type { Principal } from '../access/index.ts';
import type { AlertChange } from './alert-feed.ts';
import type { AlertReader } from './alert-tail.ts';

/** What the server keeps of one connection. */
export interface Client {
  socket: Socket;
  principal: Principal;
  /** As it came; judged again and again. */
  authorization: string;
  /** Names as the client says them: `hosts`, `host:ID`, `alerts`. */
  rooms: Set<string>;
  alerts: AlertReader | undefined;
  /** Too much waits for it: it is told of figures again when it has read that. */
  isBehind: boolean;
  /** Requests of the running second. */
  asked: { second: number; count: number };
}

/** Inside socket.io: a tenant's rooms are its own. */
export const roomOf = (tenantId: string, name: string): string => `${tenantId}\0${name}`;

export function alertReader({ socket, principal }: Client): AlertReader {
  return {
    tenantId: principal.tenantId,
    isGone: () => socket.disconnected,
    tell: ({ cursor, change, atMs, event }: AlertChange) => {
      socket.emit('alert', { ...event, cursor, change, changed_at: new Date(atMs).toISOString() });
    },
  };
}

interface Connection {
  writeBuffer: unknown[];
  transport: { socket?: { bufferedAmount?: number } };
}

/** What waits for a client which does not read: packets here, bytes in its websocket. */
export function waitingFor({ conn }: Socket): { packets: number; bytes: number } {
  const { writeBuffer, transport } = conn as unknown as Connection;
  return { packets: writeBuffer.length, bytes: transport.socket?.bufferedAmount ?? 0 };
}
