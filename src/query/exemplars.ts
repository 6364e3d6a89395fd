import { labelsJson, visibleLabels } from './answer.ts';
import { success, type QueryOutcome } from './outcome.ts';
import { parseTimeMs, parsed, scalar, type Arguments } from './params.ts';
import type { ExemplarReader } from './ports.ts';
import { formatNumber } from './promql/literals.ts';
import { parsePromql } from './promql/parser.ts';
import { selectors } from './promql/selectors.ts';
import type { Matcher, VectorSelector } from './promql/ast.ts';
import { refuseReservedLabel } from './tenancy.ts';

/**
 * `/api/v1/query_exemplars`. Grafana opens with times in milliseconds where seconds are meant, so a time that cannot
 * be is no mistake here, only a range without exemplars.
 */
export async function exemplarList(
  reader: ExemplarReader,
  tenantId: string,
  args: Arguments,
): Promise<QueryOutcome> {
  const startMs = parseTimeMs(scalar(args, 'start') ?? '') ?? -Infinity;
  const endMs = parseTimeMs(scalar(args, 'end') ?? '') ?? Infinity;
  const expr = parsed('query', scalar(args, 'query') ?? '', parsePromql);
  refuseReservedLabel(expr);
  const series = await reader.select({
    tenantId,
    selectors: selectors(expr).map(allMatchers),
    startMs,
    endMs,
  });
  return success(
    series.map(({ labels, exemplars }) => ({
      seriesLabels: JSON.parse(labelsJson(visibleLabels(labels))) as object,
      exemplars: exemplars.map((exemplar) => ({
        labels: exemplar.labels,
        value: formatNumber(exemplar.value),
        timestamp: exemplar.timestampMs / 1000,
      })),
    })),
  );
}

function allMatchers({ name, matchers }: VectorSelector): Matcher[] {
  return name === '' ? [...matchers] : [{ name: '__name__', op: '=', value: name }, ...matchers];
}
