import { connect, type Socket } from 'node:net';

export interface Message {
  path: string;
  type: string;
  body: Buffer;
  /** Further header lines. */
  more?: string;
}

/**
 * One agent's connection: a request after another over a socket that is kept. Node's own client costs more than all that the
 * product does with a write; the same machine has to hold both.
 */
export class Connection {
  private socket: Socket | undefined;
  private received = '';
  private turn: Promise<unknown> = Promise.resolve();
  private done: ((status: number) => void) | undefined;
  private readonly host: string;
  private readonly port: number;
  private readonly key: string;

  constructor({ url, key }: { url: string; key: string }) {
    const { hostname, port } = new URL(url);
    this.host = hostname;
    this.port = Number(port);
    this.key = key;
  }

  /** The status of the answer; 0 where the connection broke. */
  post(message: Message): Promise<number> {
    const next = this.turn.then(() => this.ask(message));
    this.turn = next;
    return next;
  }

  /** Told what a refusal says. */
  onRefusal: (text: string) => void = () => undefined;

  close(): void {
    this.socket?.destroy();
  }

  private ask({ path, type, body, more = '' }: Message): Promise<number> {
    const socket = (this.socket ??= this.open());
    socket.cork();
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: ${this.host}:${String(this.port)}\r\nAuthorization: Bearer ${this.key}\r\n` +
        `Content-Type: ${type}\r\nContent-Length: ${String(body.length)}\r\n${more}\r\n`,
    );
    socket.write(body);
    socket.uncork();
    return new Promise((resolve) => {
      this.done = resolve;
    });
  }

  private open(): Socket {
    const socket = connect(this.port, this.host).setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text: string) => this.hear(text));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.answer(0);
    });
    return socket;
  }

  private hear(text: string): void {
    this.received += text;
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.received.slice(0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.received.length < end + 4 + length) return;
    if (/\r\nconnection: close/i.test(head)) {
      this.socket?.destroy();
      this.socket = undefined;
    }
    const status = Number(head.slice(9, 12));
    if (status >= 300) this.onRefusal(this.received.slice(end + 4).trim());
    this.answer(status);
  }

  private answer(status: number): void {
    this.received = '';
    const { done } = this;
    this.done = undefined;
    done?.(status);
  }
}
