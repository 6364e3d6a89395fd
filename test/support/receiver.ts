import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stage } from './stage.ts';

export interface ReceivedPost {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Receiver {
  url: string;
  posts: ReceivedPost[];
  /** What it does with each post from now on; 200 at first. */
  answer: (res: ServerResponse, post: ReceivedPost, index: number) => void;
}

/** A webhook's other end on loopback. */
export async function startReceiver(stage: Stage): Promise<Receiver> {
  const receiver: Receiver = {
    url: '',
    posts: [],
    answer: (res) => void res.end('ok'),
  };
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const post = { path: req.url ?? '', headers: req.headers, body };
      receiver.posts.push(post);
      receiver.answer(res, post, receiver.posts.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return receiver;
}
