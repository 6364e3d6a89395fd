import { GaugewayError } from '../platform/index.ts';
import { compareLabels, dataOf, labelsJson, visibleLabels } from './answer.ts';
import { askStorage, type QueryDeps } from './ask.ts';
import { keptRange, truncatedWarning } from './labels.ts';
import { matchSelectors, storageMatch } from './matchers.ts';
import type { QueryOutcome } from './outcome.ts';
import { limit, type Arguments } from './params.ts';

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
  return askStorage(deps, {
    tenantId,
    read: { endpoint: 'series' },
    args: [
      ...matches,
      ...range.args,
      ...(wanted > 0 ? [['limit', String(wanted + 1)] as const] : []),
    ],
    timeoutMs: deps.limits.timeoutMs,
    shape: (body) => seriesAnswer(body, wanted),
    key: [...matches.map(([, text]) => text), range.key, wanted].join('\0'),
  });
}

function seriesAnswer(body: Buffer, wanted: number): Buffer {
  const { data, warnings } = dataOf(body);
  const all = (data as Record<string, string>[]).map(visibleLabels).sort(compareLabels);
  const cut = wanted > 0 && all.length > wanted;
  const shown = (cut ? all.slice(0, wanted) : all).map(labelsJson);
  const said = cut ? [...warnings, truncatedWarning] : warnings;
  const tail = said.length > 0 ? `,"warnings":${JSON.stringify(said)}` : '';
  return Buffer.from(`{"status":"success","data":[${shown.join(',')}]${tail}}`);
}
