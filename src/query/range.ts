import { GaugewayError } from '../platform/index.ts';
import { emptyAnswer, matrixAnswer } from './answer.ts';
import { askStorage, seconds, type QueryDeps } from './ask.ts';
import { expressionOf, storageQuery } from './expression.ts';
import { showNewest } from './instant.ts';
import type { QueryOutcome } from './outcome.ts';
import { requiredTimeMs, stepMs, timeoutMs, type Arguments } from './params.ts';
import type { Expr } from './promql/ast.ts';
import { typeOf } from './promql/check.ts';
import { selectors } from './promql/selectors.ts';

interface Grid {
  startMs: number;
  endMs: number;
  stepMs: number;
}

/** `/api/v1/query_range`. */
export async function rangeQuery(
  deps: QueryDeps,
  tenantId: string,
  args: Arguments,
): Promise<QueryOutcome> {
  const asked = gridOf(args, deps.limits.maxPoints);
  const timeout = timeoutMs(args, deps.limits.timeoutMs);
  const expr = expressionOf(args);
  const type = typeOf(expr);
  if (type === 'string' || type === 'range vector') {
    throw new GaugewayError(
      'BAD_REQUEST',
      `invalid parameter "query": invalid expression type "${type}" for range query, must be Scalar or instant Vector`,
    );
  }
  const query = storageQuery(expr, deps.limits.maxSubquerySteps);
  if (!query.ok) return query;
  const grid = clamp(asked, expr, deps.clock.nowMs() - deps.retentionMs(tenantId));
  if (grid.startMs > grid.endMs) return { ok: true, body: emptyAnswer('matrix') };
  return askStorage(deps, {
    tenantId,
    read: { endpoint: 'query_range' },
    args: [
      ['query', query.text],
      ['start', seconds(grid.startMs)],
      ['end', seconds(grid.endMs)],
      ['step', `${grid.stepMs}ms`],
      ['timeout', `${timeout}ms`],
      ...(isAligned(grid) ? [] : [['nocache', '1'] as const]),
      showNewest,
    ],
    timeoutMs: timeout,
    shape: matrixAnswer,
    key: `${grid.startMs} ${grid.endMs} ${grid.stepMs}\0${query.text}`,
  });
}

/** Argument checks in Prometheus's order. */
function gridOf(args: Arguments, maxPoints: number): Grid {
  const startMs = requiredTimeMs(args, 'start');
  const endMs = requiredTimeMs(args, 'end');
  if (endMs < startMs) {
    throw new GaugewayError(
      'BAD_REQUEST',
      'invalid parameter "end": end timestamp must not be before start time',
    );
  }
  const step = stepMs(args);
  if ((endMs - startMs) / step > maxPoints) {
    throw new GaugewayError(
      'BAD_REQUEST',
      `exceeded maximum resolution of ${maxPoints.toLocaleString('en-US')} points per timeseries. Try decreasing the query resolution (?step=XX)`,
    );
  }
  return { startMs, endMs, stepMs: step };
}

/** Cuts what is older than the tenant's retention, on the same grid: storage may still hold expired samples. */
function clamp(grid: Grid, expr: Expr, oldestMs: number): Grid {
  if (grid.startMs >= oldestMs || selectors(expr).length === 0) return grid;
  const skipped = Math.ceil((oldestMs - grid.startMs) / grid.stepMs);
  return { ...grid, startMs: grid.startMs + skipped * grid.stepMs };
}

/** Storage moves a range onto multiples of the step when it may use its cache; one that lies there stays (and is cached). */
function isAligned({ startMs, endMs, stepMs: step }: Grid): boolean {
  return startMs % step === 0 && endMs % step === 0;
}
