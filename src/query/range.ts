import { GaugewayError } from '../platform/index.ts';
import { emptyAnswer, matrixAnswer, stitchedMatrix } from './answer.ts';
import { askStorage, rawTier, seconds, type QueryDeps } from './ask.ts';
import { expressionOf, storageQuery } from './expression.ts';
import { showNewest } from './instant.ts';
import { withResolution, type QueryOutcome } from './outcome.ts';
import { requiredTimeMs, stepMs, timeoutMs, type Arguments } from './params.ts';
import type { Expr } from './promql/ast.ts';
import { typeOf } from './promql/check.ts';
import { selectors } from './promql/selectors.ts';
import { withFixedTimes } from './tiers/fixed-times.ts';
import { planRange, type Grid, type Part } from './tiers/plan.ts';
import { reachOf } from './tiers/reach.ts';
import { lagWarning, questionFor, type TierQuestion } from './tiers/storage-question.ts';

/** `/api/v1/query_range`. */
export async function rangeQuery(
  deps: QueryDeps,
  tenantId: string,
  args: Arguments,
): Promise<QueryOutcome> {
  const grid = gridOf(args, deps.limits.maxPoints);
  const timeout = timeoutMs(args, deps.limits.timeoutMs);
  const expr = expressionOf(args);
  const type = typeOf(expr);
  if (type === 'string' || type === 'range vector') {
    throw new GaugewayError(
      'BAD_REQUEST',
      `invalid parameter "query": invalid expression type "${type}" for range query, must be Scalar or instant Vector`,
    );
  }
  // Before the plan: what is no question to storage is refused also where nothing is kept.
  const query = storageQuery(expr, deps.limits.maxSubquerySteps);
  if (!query.ok) return query;
  const fixed = withFixedTimes(expr, grid);
  const parts = partsOf(deps, { tenantId, grid, expr: fixed });
  const [only] = parts;
  if (!only) return { ok: true, body: emptyAnswer('matrix') };
  const asked = { tenantId, expr: fixed, timeout };
  const outcome = await (parts.length === 1
    ? askOne(deps, only, asked)
    : stitch(deps, parts, asked));
  if (selectors(expr).length === 0) return outcome;
  return withResolution(
    outcome,
    parts.map(({ tier }) => tier.name),
  );
}

function partsOf(
  deps: QueryDeps,
  { tenantId, grid, expr }: { tenantId: string; grid: Grid; expr: Expr },
): Part[] {
  // Numbers and times are of no retention.
  if (selectors(expr).length === 0) return [{ tier: rawTier(deps), grid }];
  const asked = { tenantId, reach: reachOf(expr), nowMs: deps.clock.nowMs() };
  return planRange(deps.tiers, grid, asked);
}

interface Asked {
  tenantId: string;
  expr: Expr;
  timeout: number;
}

async function askOne(deps: QueryDeps, part: Part, asked: Asked): Promise<QueryOutcome> {
  const query = questionOf(deps, part, asked);
  if (!query.ok) return query;
  return askPart(deps, part, {
    ...asked,
    text: query.text,
    shape: (body) => matrixAnswer(body, query.warnings),
    key: 'whole',
  });
}

function questionOf(
  deps: QueryDeps,
  { tier, grid }: Part,
  { tenantId, expr }: Asked,
): TierQuestion {
  const query = questionFor(tier, expr, deps.limits);
  if (!query.ok) return query;
  const lag = lagWarning(tier, tenantId, { endMs: grid.endMs, nowMs: deps.clock.nowMs() });
  return { ...query, warnings: [...query.warnings, ...lag] };
}

function askPart(
  deps: QueryDeps,
  { tier, grid }: Part,
  asked: Asked & { text: string; shape: (body: Buffer) => Buffer; key: string },
): Promise<QueryOutcome> {
  const { tenantId, timeout, text, shape, key } = asked;
  return askStorage(deps, {
    ...{ tenantId, tier, timeoutMs: timeout, shape },
    read: { endpoint: 'query_range' },
    args: [
      ['query', text],
      ['start', seconds(grid.startMs)],
      ['end', seconds(grid.endMs)],
      ['step', `${grid.stepMs}ms`],
      ['timeout', `${timeout}ms`],
      ...(isAligned(grid) ? [] : [['nocache', '1'] as const]),
      showNewest,
    ],
    key: `${key} ${grid.startMs} ${grid.endMs} ${grid.stepMs}\0${text}`,
  });
}

/** A tier that does not answer leaves a hole, and that is said; where none answers there is nothing to say it of. */
async function stitch(
  deps: QueryDeps,
  parts: readonly Part[],
  asked: Asked,
): Promise<QueryOutcome> {
  const answers = await Promise.all(
    parts.map(async (part) => {
      const query = questionOf(deps, part, asked);
      if (!query.ok) return { part, outcome: query, warnings: [] };
      const { text, warnings } = query;
      const asIs = { text, shape: (body: Buffer) => body, key: 'part' };
      return { part, outcome: await askPart(deps, part, { ...asked, ...asIs }), warnings };
    }),
  );
  const outcomes = answers.map(({ outcome }) => outcome);
  const failed = outcomes.find((one) => !one.ok && one.type !== 'unavailable');
  if (failed) return failed;
  const [first] = outcomes;
  if (first && outcomes.every((one) => !one.ok)) return first;
  const warnings = answers.flatMap(({ part, outcome, warnings: said }) =>
    outcome.ok ? said : [holeOf(part)],
  );
  const bodies = outcomes.flatMap((one) => (one.ok ? [one.body] : []));
  return { ok: true, body: stitchedMatrix(bodies, warnings) };
}

function holeOf({ tier, grid: { startMs, endMs } }: Part): string {
  const [from, to] = [startMs, endMs].map((ms) => new Date(ms).toISOString());
  return `${String(from)} to ${String(to)} is missing: the storage of ${tier.name} does not answer`;
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

/** Storage moves a range onto multiples of the step when it may use its cache; one that lies there stays (and is cached). */
function isAligned({ startMs, endMs, stepMs: step }: Grid): boolean {
  return startMs % step === 0 && endMs % step === 0;
}
