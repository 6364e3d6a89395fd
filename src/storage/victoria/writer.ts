import type { HiddenIncarnation, SeriesWriter, WriteAnswer } from '../../forward/index.ts';
import { messageOf } from '../../platform/index.ts';
import type { VictoriaClient } from './client.ts';

const writeTimeoutMs = 30_000;
const probeTimeoutMs = 3_000;

const hidden: HiddenIncarnation = 'hidden';

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
  const withKey = (key: string | undefined) => new URLSearchParams(key ? { authKey: key } : {});
  const probe = async (path: string, query: URLSearchParams) => {
    try {
      return await client.request({ method: 'GET', path, query, timeoutMs: probeTimeoutMs });
    } catch {
      return undefined;
    }
  };
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
      await probe('/internal/force_flush', withKey(authKeys?.forceFlush));
    },
    async incarnation() {
      const metrics = await probe('/metrics', withKey(authKeys?.metrics));
      // No answer in time is no life of its own: the next look finds the one that was there before.
      if (!metrics) return undefined;
      const text = metrics.status === 200 ? metrics.body.toString('latin1') : '';
      const start = /^(?:vm_app_start_timestamp|process_start_time_seconds) (\S+)/m.exec(text);
      if (start) return start[1];
      const health = await probe('/health', new URLSearchParams());
      return health?.status === 200 ? hidden : undefined;
    },
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
