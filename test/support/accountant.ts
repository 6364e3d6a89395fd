import { createVictoriaClient, type VictoriaTarget } from '../../src/storage/victoria/client.ts';
import { createDecodeKernel, encodeWriteRequest } from '../../src/wire/index.ts';
import { Poster } from '../bench/load.ts';

const seriesPerBatch = 50;
const metric = 'node_account';

/**
 * Exact accounting: every batch has a number, which is its value and its timestamp's offset, on each of 50 series.
 * What was acknowledged is noted outside the processes under test; what is stored is exported and counted.
 */
export class Accountant {
  readonly acknowledged = new Set<number>();
  /** Answers that were neither 204 nor a refusal that asks to come again. */
  readonly unexpected = new Map<number, number>();
  readonly statuses = new Map<number, number>();
  private readonly kernel = createDecodeKernel({
    maxDecodedBytes: 1 << 20,
    maxSeries: 100,
    maxKnownSeries: 16,
  });
  private readonly baseMs = Date.now() - 1_200_000;
  private next = 1;
  private running = false;
  private workers: Promise<void>[] = [];

  /** Posts as fast as is answered; a batch that is not acknowledged comes again, as a real sender does. */
  start(
    url: string,
    key: string,
    options: { connections: number; pauseMs?: number; giveUp?: boolean },
  ): void {
    this.running = true;
    const poster = new Poster(`${url}/api/v1/write`, key, options.connections);
    const worker = async (): Promise<void> => {
      while (this.running) {
        const id = this.next;
        this.next += 1;
        await this.deliver(poster, id, options.giveUp ?? false);
        if (options.pauseMs) await pause(options.pauseMs);
      }
    };
    this.workers = Array.from({ length: options.connections }, worker);
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.workers);
  }

  private async deliver(poster: Poster, id: number, giveUp: boolean): Promise<void> {
    const body = this.body(id);
    while (this.running) {
      const status = await poster.post(body);
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      if (status === 204) {
        this.acknowledged.add(id);
        return;
      }
      if (status !== 0 && status !== 503) {
        this.unexpected.set(status, (this.unexpected.get(status) ?? 0) + 1);
      }
      if (giveUp) return;
      await pause(50);
    }
  }

  private body(id: number): Buffer {
    const series = Array.from({ length: seriesPerBatch }, (_, s) => ({
      labels: [
        ['__name__', metric],
        ['s', String(s)],
      ] as const,
      samples: [{ value: id, timestampMs: this.baseMs + id }],
    }));
    return this.kernel.compress(encodeWriteRequest(series));
  }

  /** Counts what storage holds: of each acknowledged batch exactly 50 samples must be there. */
  async audit(target: VictoriaTarget): Promise<{ lost: number; doubled: number; stored: number }> {
    const client = createVictoriaClient(target);
    try {
      await client.request({
        method: 'GET',
        path: '/internal/force_flush',
        query: new URLSearchParams({ authKey: target.authKeys?.forceFlush ?? '' }),
        timeoutMs: 10_000,
      });
      const query = new URLSearchParams({
        'match[]': metric,
        start: String(this.baseMs / 1000),
        end: String(Date.now() / 1000 + 60),
      });
      const answer = await client.request({
        method: 'GET',
        path: '/api/v1/export',
        query,
        timeoutMs: 60_000,
      });
      if (answer.status !== 200) throw new Error(`export: ${String(answer.status)}`);
      return this.compare(answer.body.toString());
    } finally {
      await client.close();
    }
  }

  private compare(lines: string): { lost: number; doubled: number; stored: number } {
    const seen = new Map<number, number>();
    let stored = 0;
    for (const line of lines.split('\n').filter((one) => one !== '')) {
      const { values, timestamps } = JSON.parse(line) as { values: number[]; timestamps: number[] };
      for (const [i, value] of values.entries()) {
        if (timestamps[i] !== this.baseMs + value)
          throw new Error('a sample has another time than it was sent with');
        seen.set(value, (seen.get(value) ?? 0) + 1);
        stored += 1;
      }
    }
    let lost = 0;
    for (const id of this.acknowledged) lost += Math.max(0, seriesPerBatch - (seen.get(id) ?? 0));
    let doubled = 0;
    for (const count of seen.values()) doubled += Math.max(0, count - seriesPerBatch);
    return { lost, doubled, stored };
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));
