import { Agent, request } from 'node:http';

export interface Heard {
  status: number;
  ms: number;
  etag: string | undefined;
  bytes: number;
}

/** Requests over connections that stay open, as a browser's do; the answer is read and let go. */
export class Client {
  private readonly agent: Agent;

  constructor(connections: number) {
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  get(url: string, authorization: string, headers: Record<string, string> = {}): Promise<Heard> {
    return this.send('GET', url, { authorization, ...headers });
  }

  send(
    method: string,
    url: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Heard> {
    const startedMs = performance.now();
    return new Promise((resolve, reject) => {
      const req = request(url, { method, agent: this.agent, headers }, (res) => {
        let bytes = 0;
        res.on('data', (chunk: Buffer) => (bytes += chunk.length));
        res.on('end', () => {
          const { etag } = res.headers;
          resolve({ status: res.statusCode ?? 0, ms: performance.now() - startedMs, etag, bytes });
        });
      });
      req.on('error', reject);
      req.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
