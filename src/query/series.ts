import { GaugewayError } from '../platform/index.ts';
import { compareLabels, labelsJson, visibleLabels } from './answer.ts';
import type { QueryDeps } from './ask.ts';
import { keptRange, truncatedWarning } from './labels.ts';
import { matchSelectors, storageMatch } from './matchers.ts';
import type { QueryOutcome } from './outcome.ts';
import { limit, type Arguments } from './params.ts';
import { askLists } from './tiers/lists.ts';
import { withoutAggregates } from './tiers/tier.ts';

/** `/api/v1/series`. */
export async function seriesList(
  deps: QueryDeps,
  tenantId: string,
  args: Arguments,
): Promise<QueryOutcome> {
  const matches = matchSelectors(args, deps.limits.maxSelectors).map(storageMatch);
  if (matches.length === 0) throw new GaugewayError('BAD_REQUEST', 'no match[] parameter provided');
  const wanted = limit(args);
  const range = keptRange(deps, tenantId, args);
  const lists = await askLists(deps, range.tiers, {
    tenantId,
    read: { endpoint: 'series' },
    args: [
      ...matches,
      ...range.args,
      ...(wanted > 0 ? [['limit', String(wanted + 1)] as const] : []),
    ],
    timeoutMs: deps.limits.timeoutMs,
    key: [...matches.map(([, text]) => text), range.key, wanted].join('\0'),
  });
  if (!lists.ok) return lists;
  const stored = lists.data.flat() as Record<string, string>[];
  const own = range.tiers.length === 1 ? stored : distinct(stored);
  return { ok: true, body: seriesAnswer(own, wanted, lists.warnings) };
}

/** Each series once, without the aggregates that stand beside it. */
function distinct(stored: readonly Record<string, string>[]): Record<string, string>[] {
  const series = withoutAggregates(stored, ({ __name__: name = '' }) => name);
  return [...new Map(series.map((one) => [labelsJson(visibleLabels(one)), one])).values()];
}

function seriesAnswer(
  stored: readonly Record<string, string>[],
  wanted: number,
  warnings: readonly string[],
): Buffer {
  const all = stored.map(visibleLabels).sort(compareLabels);
  const cut = wanted > 0 && all.length > wanted;
  const shown = (cut ? all.slice(0, wanted) : all).map(labelsJson);
  const said = cut ? [...warnings, truncatedWarning] : warnings;
  const tail = said.length > 0 ? `,"warnings":${JSON.stringify(said)}` : '';
  return Buffer.from(`{"status":"success","data":[${shown.join(',')}]${tail}}`);
}
