import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stage } from './stage.ts';

export interface Balancer {
  url: string;
  /** How many answers each of them gave, by its address. */
  answers: Map<string, number>;
}

interface Asked {
  method: string | undefined;
  path: string | undefined;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** As `docker/nginx.replicas.conf` does with writes: in turns, and the other one where one does not answer or says 503. */
export async function startBalancer(stage: Stage, targets: readonly string[]): Promise<Balancer> {
  const answers = new Map<string, number>();
  let turn = 0;
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const asked = {
        ...{ method: req.method, path: req.url, headers: req.headers },
        body: Buffer.concat(chunks),
      };
      turn += 1;
      const first = targets[turn % targets.length] ?? '';
      const order = [first, ...targets.filter((one) => one !== first)];
      void inOrder(order, asked).then(({ from, status, body }) => {
        if (from !== undefined) answers.set(from, (answers.get(from) ?? 0) + 1);
        res.writeHead(status).end(body);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { answers, url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}` };
}

interface Answered {
  /** Undefined where none did. */
  from: string | undefined;
  status: number;
  body: Buffer;
}

async function inOrder(targets: readonly string[], asked: Asked): Promise<Answered> {
  let last: Answered = { from: undefined, status: 503, body: Buffer.alloc(0) };
  for (const target of targets) {
    last = await ask(target, asked).catch(() => last);
    if (last.from === target && last.status !== 503) return last;
  }
  return last;
}

function ask(target: string, { method, path, headers, body }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const passed = request(target + (path ?? ''), { method, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () =>
        resolve({ from: target, status: res.statusCode ?? 502, body: Buffer.concat(chunks) }),
      );
    });
    passed.on('error', reject);
    passed.end(body);
  });
}
