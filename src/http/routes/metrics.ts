import { z } from 'zod';
import { aggregates, ranges, type HostSeries } from '../../host-metrics/index.ts';
import type { Hosts } from '../../hosts/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { found, principalOf, queryOf } from '../parse.ts';
import { cachedRead, JsonText, type ReadCache } from '../read-cache.ts';
import type { Route } from '../route.ts';
import { createPointsText, pointAnswer } from './point-json.ts';
import { spanOf, timeText } from './span.ts';

const metricQuery = z.strictObject({
  host_id: z.string().min(1).max(63),
  metric: z.string().min(1).max(200).describe('`cpu.utilization`, also `cpu.core.3`.'),
  range: z.enum(ranges).optional().describe('Until now; 1h when nothing is said.'),
  start: timeText.optional().describe('With `end`, in the place of `range`.'),
  end: timeText.optional(),
  labels: z.string().max(1_000).optional().describe('A JSON object: `{"gpu_index":"0"}`.'),
  aggregate: z
    .enum(aggregates)
    .default('avg')
    .describe('What stands for the samples of one step of the resolution.'),
});
const metricAnswer = z.strictObject({
  metric: z.string(),
  host_id: z.string(),
  unit: z.string(),
  datapoints: z.array(pointAnswer),
  resolution: z.string(),
  aggregate: z.enum([...aggregates, 'last']),
  combined: z
    .enum(['sum', 'max'])
    .describe('How series of several disks, GPUs or devices became one.'),
});

const labelsSchema = z.record(z.string(), z.string());

/** One metric of one host over time, PRP §8.3. */
export function metricRoutes(deps: {
  hosts: Hosts;
  series: HostSeries;
  cache: ReadCache;
}): Route[] {
  const { hosts, series, cache } = deps;
  const pointsText = createPointsText();
  return [
    {
      ...{ method: 'GET', needs: 'read', errors: 'envelope', path: '/api/v1/metrics/query' },
      summary: 'One metric of one host over time',
      spec: { tag: 'Metrics', query: metricQuery, answers: { 200: metricAnswer } },
      handle: cachedRead(cache, async (call) => {
        const asked = queryOf(call.req, metricQuery);
        const { tenantId } = principalOf(call);
        const labels = labelsOf(asked.labels);
        const question = { metric: asked.metric, span: spanOf(asked), labels };
        if (hosts.tagsOf(tenantId, asked.host_id) === undefined) {
          await found('host', hosts.get(tenantId, asked.host_id));
        }
        const told = await series.metric(tenantId, asked.host_id, {
          ...question,
          aggregate: asked.aggregate,
        });
        const fields = {
          ...{ metric: told.metric, host_id: asked.host_id, unit: told.unit },
          ...{ resolution: told.resolution, aggregate: told.aggregate, combined: told.combined },
        } satisfies Omit<z.input<typeof metricAnswer>, 'datapoints'>;
        return new JsonText(fields, { datapoints: pointsText(told.points) });
      }),
    },
  ];
}

function labelsOf(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  try {
    return labelsSchema.parse(JSON.parse(text));
  } catch {
    throw new GaugewayError('BAD_REQUEST', 'labels: expected a JSON object of texts');
  }
}
