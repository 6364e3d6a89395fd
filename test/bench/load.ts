import { Agent, request } from 'node:http';
import { createDecodeKernel, encodeWriteRequest, type Label } from '../../src/wire/index.ts';

const modes = ['idle', 'user', 'system', 'iowait', 'irq', 'nice'];

/** Series like node_exporter's, seven labels each; `host` numbers go up every `perHost` series. */
export function seriesLabels(count: number, perHost = 96): Label[][] {
  return Array.from({ length: count }, (_, i) => [
    ['__name__', 'node_cpu_seconds_total'],
    ['cpu', String(Math.floor((i % perHost) / modes.length))],
    ['env', 'production'],
    ['instance', `host-${String(Math.floor(i / perHost))}.example.com:9100`],
    ['job', 'node'],
    ['mode', modes[i % modes.length] ?? ''],
    ['region', 'eu-central-1'],
  ]);
}

interface Template {
  bytes: Buffer;
  /** Where each sample's value stands; its six-byte timestamp follows one byte later. */
  valueAt: number[];
}

function template(labels: readonly Label[][], timestampMs: number): Template {
  const bytes = encodeWriteRequest(
    labels.map((one) => ({ labels: one, samples: [{ value: 1, timestampMs }] })),
  );
  const marker = encodeWriteRequest([
    { labels: [], samples: [{ value: 1, timestampMs }] },
  ]).subarray(-16);
  const valueAt: number[] = [];
  for (let at = bytes.indexOf(marker); at !== -1; at = bytes.indexOf(marker, at + 1))
    valueAt.push(at + 1);
  if (valueAt.length !== labels.length) throw new Error('template is not regular');
  return { bytes, valueAt };
}

function writeSixByteVarint(bytes: Buffer, at: number, value: number): void {
  let rest = value;
  for (let i = 0; i < 5; i += 1) {
    bytes[at + i] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[at + 5] = rest;
}

/** Makes request bodies: the same series again and again, each time with new values and a later timestamp. */
export class Bodies {
  private readonly templates: Template[] = [];
  private readonly kernel = createDecodeKernel({
    maxDecodedBytes: 8 << 20,
    maxSeries: 10_000,
    maxKnownSeries: 16,
  });
  private next = 0;

  constructor(labels: readonly Label[][], perRequest: number) {
    for (let from = 0; from < labels.length; from += perRequest) {
      this.templates.push(template(labels.slice(from, from + perRequest), Date.now()));
    }
  }

  get perCycle(): number {
    return this.templates.length;
  }

  make(timestampMs: number): { body: Buffer; samples: number } {
    const one = this.templates[this.next % this.templates.length];
    this.next += 1;
    if (!one) throw new Error('no series');
    for (const at of one.valueAt) {
      one.bytes.writeDoubleLE(Math.round(Math.random() * 1e5) / 10 + 0.1, at);
      writeSixByteVarint(one.bytes, at + 9, timestampMs);
    }
    return { body: this.kernel.compress(one.bytes), samples: one.valueAt.length };
  }
}

export class Poster {
  readonly latenciesMs: number[] = [];
  readonly statuses = new Map<number, number>();
  private readonly agent: Agent;
  private readonly url: URL;
  private readonly key: string;

  constructor(url: string, key: string, connections: number) {
    this.url = new URL(url);
    this.key = key;
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  post(body: Buffer): Promise<number> {
    const startedMs = performance.now();
    return new Promise<number>((resolve) => {
      const req = request(
        {
          host: this.url.hostname,
          port: this.url.port,
          path: this.url.pathname,
          method: 'POST',
          agent: this.agent,
          headers: {
            'content-type': 'application/x-protobuf',
            'content-encoding': 'snappy',
            'x-prometheus-remote-write-version': '0.1.0',
            'user-agent': 'gaugeway-bench',
            authorization: `Bearer ${this.key}`,
            'content-length': body.length,
          },
        },
        (res) => {
          res.resume();
          res.on('end', () => resolve(res.statusCode ?? 0));
        },
      );
      req.on('error', () => resolve(0));
      req.end(body);
    }).then((status) => {
      this.latenciesMs.push(performance.now() - startedMs);
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      return status;
    });
  }

  /** Posts bodies made beforehand as fast as they are answered. */
  async postAll(bodies: readonly Buffer[], connections: number): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let body = bodies[next++]; body; body = bodies[next++]) await this.post(body);
    };
    await Promise.all(Array.from({ length: connections }, worker));
  }

  close(): void {
    this.agent.destroy();
  }
}
