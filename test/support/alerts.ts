import { Client } from 'pg';
import { encodeWriteRequest, createDecodeKernel } from '../../src/wire/index.ts';
import type { Product, Stage } from './stage.ts';

const kernel = createDecodeKernel({
  maxDecodedBytes: 8 << 20,
  maxSeries: 10_000,
  maxKnownSeries: 16,
});

export interface Point {
  labels: Record<string, string>;
  value: number;
  timestampMs?: number;
}

/** Posts samples as a sender does; throws where not all were taken. */
export async function send(
  product: Pick<Product, 'url' | 'writeKey'>,
  points: readonly Point[],
): Promise<void> {
  const series = points.map(({ labels, value, timestampMs = Date.now() }) => ({
    labels: Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)),
    samples: [{ value, timestampMs }],
  }));
  const answer = await fetch(`${product.url}/api/v1/write`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
      authorization: `Bearer ${product.writeKey}`,
    },
    body: new Uint8Array(kernel.compress(encodeWriteRequest(series))),
  });
  if (answer.status !== 204) throw new Error(`${answer.status}: ${await answer.text()}`);
}

export type Rows = (sql: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

/** The product's own database. */
export async function database(stage: Stage, product: Product): Promise<Rows> {
  const client = new Client({ connectionString: product.postgres.url });
  // A test may end the database under it.
  client.on('error', () => undefined);
  await client.connect();
  stage.onEnd(() => client.end().catch(() => undefined));
  return async (sql, values) => (await client.query<Record<string, unknown>>(sql, values)).rows;
}
