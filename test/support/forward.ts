import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Batch, SeriesWriter, WriteAnswer } from '../../src/forward/index.ts';
import { encodeWriteRequest, type Label } from '../../src/wire/index.ts';
import { snappy, unsnappy } from './snappy.ts';
import { decodeByReference } from './write-requests.ts';

/** A directory that goes when the test ends. */
export async function scratchDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gaugeway-forward-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Text that snappy cannot shorten, so that a batch has the size that a test asks for. */
function padding(length: number, seed: number): string {
  let text = '';
  for (let block = 0; text.length < length; block += 1) {
    text += createHash('sha256')
      .update(`${String(seed)} ${String(block)}`)
      .digest('hex');
  }
  return text.slice(0, length);
}

/** A batch whose samples say which one it is: `id` is the value of each. */
export function batchOf(
  id: number,
  options: { samples?: number; labels?: Label[]; pad?: number } = {},
): Batch {
  const { samples = 1, labels = [['tenant', 'acme']], pad = 0 } = options;
  const body = snappy(
    encodeWriteRequest([
      {
        labels: [
          ['__name__', 'm'],
          ['pad', padding(pad, id)],
        ],
        samples: Array.from({ length: samples }, (_, i) => ({ value: id, timestampMs: i + 1 })),
      },
    ]),
  );
  return { labels, body: [body], bytes: body.length, samples };
}

/** The ids of the batches in a written body, one for each sample. */
export function idsIn(body: Uint8Array): number[] {
  return decodeByReference(unsnappy(body)).timeseries.flatMap((series) =>
    series.samples.map(({ value }) => value),
  );
}

/** A store that keeps what it is sent, and fails when told to. */
export class FakeStore implements SeriesWriter {
  readonly written: number[] = [];
  readonly requests: { labels: readonly Label[]; ids: number[] }[] = [];
  life: string | undefined = 'first';
  visible = 0;
  /** Called for each write before it is answered; default: written. */
  answer: (ids: number[]) => WriteAnswer | Promise<WriteAnswer> = () => ({ kind: 'written' });
  private readonly listeners: (() => void)[] = [];

  async write(labels: readonly Label[], body: Buffer): Promise<WriteAnswer> {
    const ids = idsIn(body);
    if (this.life === undefined) return { kind: 'failed', message: 'connection refused' };
    const answer = await this.answer(ids);
    if (answer.kind === 'written') {
      this.written.push(...ids);
      this.requests.push({ labels, ids });
    }
    return answer;
  }

  makeVisible(): Promise<void> {
    this.visible += 1;
    return Promise.resolve();
  }

  incarnation(): Promise<string | undefined> {
    return Promise.resolve(this.life);
  }

  onDisconnect(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Its connections end, as when it dies. */
  disconnect(): void {
    for (const listener of this.listeners) listener();
  }
}
