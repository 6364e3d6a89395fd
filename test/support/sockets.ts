import { connect, type Socket } from 'node:net';

export interface Conversation {
  socket: Socket;
  /** What came back so far. */
  readonly heard: string;
  readonly isOver: boolean;
  /** Resolves when the other side is gone, however it went. */
  over: Promise<void>;
}

/** A connection that says exactly these bytes: what no HTTP client would send. */
export function converse(url: string, ...bytes: (string | Buffer)[]): Conversation {
  const { hostname, port } = new URL(url);
  let heard = '';
  let isOver = false;
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setEncoding('latin1').on('data', (text: string) => (heard += text));
  // A reset is one of the ways to be turned away.
  socket.on('error', () => undefined);
  const over = new Promise<void>((resolve) => {
    socket.on('close', () => {
      isOver = true;
      resolve();
    });
  });
  for (const part of bytes) socket.write(part);
  return {
    ...{ socket, over },
    get heard() {
      return heard;
    },
    get isOver() {
      return isOver;
    },
  };
}

/** The statuses of all answers in what was heard. */
export const statuses = (heard: string): number[] =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
