import { success, type QueryOutcome } from './outcome.ts';
import { limit, scalar, type Arguments } from './params.ts';
import type { MetadataEntry, MetadataReader } from './ports.ts';

/** `/api/v1/metadata`: from Postgres, since storage mixes all tenants' (field/reliability B2). */
export async function metadataList(
  reader: MetadataReader,
  tenantId: string,
  args: Arguments,
): Promise<QueryOutcome> {
  const metric = scalar(args, 'metric');
  const wanted = limit(args);
  const perMetric = limit(new URLSearchParams({ limit: scalar(args, 'limit_per_metric') ?? '' }));
  const entries = await reader.list(tenantId, metric === undefined ? {} : { metric });
  const byMetric = new Map<string, Omit<MetadataEntry, 'metric'>[]>();
  for (const { metric: name, type, help, unit } of entries) {
    const known = byMetric.get(name);
    if (!known && wanted > 0 && byMetric.size >= wanted) continue;
    const list = known ?? [];
    byMetric.set(name, list);
    if (perMetric === 0 || list.length < perMetric) list.push({ type, help, unit });
  }
  return success(Object.fromEntries(byMetric));
}
