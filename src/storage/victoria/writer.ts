import type { SeriesWriter, WriteAnswer } from '../../forward/index.ts';
import { messageOf } from '../../platform/index.ts';
import type { VictoriaClient } from './client.ts';
import { createLives, probe } from './lives.ts';

const writeTimeoutMs = 30_000;

const writeHeaders = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
};

/** VictoriaMetrics answers these where a batch can never be taken; all else may pass another time. */
const permanent = new Set([400, 409, 413, 415]);

/** Writes by remote write 1.0, with the forced labels as `extra_label`, which override the body's own. */
export function createSeriesWriter(client: VictoriaClient): SeriesWriter {
  const { authKeys } = client.target;
  const lives = createLives(client);
  return {
    onDisconnect: (listener) => client.onDisconnect(listener),
    async write(labels, body) {
      const query = new URLSearchParams(
        labels.map(([name, value]): [string, string] => ['extra_label', `${name}=${value}`]),
      );
      try {
        const answer = await client.request({
          method: 'POST',
          path: '/api/v1/write',
          tenantId: labels.find(([name]) => name === 'tenant')?.[1],
          query,
          headers: writeHeaders,
          body,
          timeoutMs: writeTimeoutMs,
        });
        return toWriteAnswer(answer.status, answer.headers['retry-after'], answer.body);
      } catch (error) {
        return { kind: 'failed', message: messageOf(error) };
      }
    },
    async makeVisible() {
      await probe(client, '/internal/force_flush', authKeys?.forceFlush);
    },
    incarnation: lives,
  };
}

function toWriteAnswer(
  status: number,
  retryAfter: string | string[] | undefined,
  body: Buffer,
): WriteAnswer {
  if (status >= 200 && status < 300) return { kind: 'written' };
  const message = `storage answered ${String(status)}: ${body.toString('utf8').slice(0, 300)}`;
  if (permanent.has(status)) return { kind: 'refused', message };
  const seconds = Number(retryAfter);
  return { kind: 'failed', message, ...(seconds > 0 ? { retryAfterSeconds: seconds } : {}) };
}
