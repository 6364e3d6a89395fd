import { dataOf } from './answer.ts';
import { askStorage, rawTier, type QueryDeps } from './ask.ts';
import { success, type QueryOutcome } from './outcome.ts';
import { limit, type Arguments } from './params.ts';
import { tenantLabel } from './tenancy.ts';

interface Count {
  name: string;
  value: number;
}

interface StorageStatus {
  totalSeries?: number;
  totalLabelValuePairs?: number;
  seriesCountByMetricName?: Count[];
  labelValueCountByLabelName?: Count[];
  seriesCountByLabelValuePair?: Count[];
}

const defaultTop = 10;
const maxTop = 1000;

/** `/api/v1/status/tsdb` of today, this tenant's series only; what storage does not know (chunks, memory) is zero or empty. */
export async function tsdbStatus(
  deps: QueryDeps,
  tenantId: string,
  args: Arguments,
): Promise<QueryOutcome> {
  const top = Math.min(limit(args) || defaultTop, maxTop);
  const now = deps.clock.nowMs();
  return askStorage(deps, {
    tenantId,
    read: { endpoint: 'status/tsdb' },
    args: [['topN', String(top + 1)]],
    timeoutMs: deps.limits.timeoutMs,
    shape: (body) => {
      const { data, warnings } = dataOf(body);
      const status = data as StorageStatus;
      const counts = {
        headStats: {
          numSeries: status.totalSeries ?? 0,
          numLabelPairs: status.totalLabelValuePairs ?? 0,
          chunkCount: 0,
          minTime: now - rawTier(deps).keptMs(tenantId),
          maxTime: now,
        },
        seriesCountByMetricName: visible(status.seriesCountByMetricName, top),
        labelValueCountByLabelName: visible(status.labelValueCountByLabelName, top),
        memoryInBytesByLabelName: [],
        seriesCountByLabelValuePair: visible(status.seriesCountByLabelValuePair, top),
      };
      const answer = success(counts, warnings);
      return answer.ok ? answer.body : body;
    },
    key: `${Math.floor(now / 1000)} ${top}`,
  });
}

function visible(counts: readonly Count[] | undefined, top: number): Count[] {
  return (counts ?? [])
    .filter(({ name }) => name !== tenantLabel && !name.startsWith(`${tenantLabel}=`))
    .slice(0, top)
    .map(({ name, value }) => ({ name, value }));
}
