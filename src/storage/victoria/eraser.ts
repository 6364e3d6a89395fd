import type { SeriesEraser } from '../../hosts/index.ts';
import { GaugewayError, messageOf } from '../../platform/index.ts';
import type { VictoriaClient } from './client.ts';

const timeoutMs = 30_000;

/**
 * Forgets one host's series by `/api/v1/admin/tsdb/delete_series` (VictoriaMetrics docs, "How to delete time series").
 * They are gone from answers at once and from disk at the next merges.
 */
export function createSeriesEraser(client: VictoriaClient): SeriesEraser {
  return {
    async erase(tenantId, hostId) {
      const query = new URLSearchParams({
        'match[]': `{tenant=${JSON.stringify(tenantId)},host_id=${JSON.stringify(hostId)}}`,
      });
      const key = client.target.authKeys?.delete;
      if (key !== undefined) query.set('authKey', key);
      const path = '/api/v1/admin/tsdb/delete_series';
      const answer = await client
        .request({ method: 'POST', path, tenantId, query, timeoutMs })
        .catch((error: unknown) => {
          throw unavailable(messageOf(error));
        });
      if (answer.status >= 300) throw unavailable(`it answered ${answer.status}`);
    },
  };
}

function unavailable(why: string): GaugewayError {
  return new GaugewayError('UNAVAILABLE', `storage did not delete the series: ${why}`, {
    details: { part: 'storage' },
    retryAfterSeconds: 5,
  });
}
