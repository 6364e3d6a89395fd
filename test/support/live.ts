import { io, type Socket } from 'socket.io-client';
import type { Product, Stage } from './stage.ts';

export interface LiveClient {
  socket: Socket;
  /** What came, by event, in order. */
  events: { name: string; body: Record<string, any> }[];
  ask(name: string, body: unknown): Promise<Record<string, any>>;
  of(name: string): Record<string, any>[];
}

export function connectLive(
  stage: Stage,
  product: Pick<Product, 'url'>,
  token: string | undefined,
  options: Record<string, unknown> = {},
): LiveClient {
  const socket = io(product.url, {
    ...{ path: '/live', transports: ['websocket'], reconnection: false, forceNew: true },
    ...{ auth: token === undefined ? {} : { token }, ...options },
  });
  stage.onEnd(() => socket.disconnect());
  const events: LiveClient['events'] = [];
  socket.onAny((name: string, body: Record<string, any>) => events.push({ name, body }));
  return {
    ...{ socket, events },
    ask: (name, body) =>
      new Promise((resolve) =>
        socket.emit(name, body, (answer: Record<string, any>) => resolve(answer)),
      ),
    of: (name) => events.filter((event) => event.name === name).map(({ body }) => body),
  };
}

/** Rejects with what the server said where it does not let the client in. */
export function connected({ socket }: LiveClient): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.connected) resolve();
    socket.once('connect', resolve);
    socket.once('connect_error', (error: Error & { data?: unknown }) =>
      reject(Object.assign(new Error(error.message), { data: error.data })),
    );
  });
}
