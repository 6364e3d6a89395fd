import { assembleSingle, emptyAnswer, matrixAnswer, scalarAnswer, vectorAnswer } from './answer.ts';
import { askStorage, longestKeptMs, rawTier, seconds, type QueryDeps } from './ask.ts';
import { expressionOf } from './expression.ts';
import { withResolution, type QueryOutcome } from './outcome.ts';
import { scalar, timeMs, timeoutMs, type Arguments } from './params.ts';
import { typeOf } from './promql/check.ts';
import { selectors } from './promql/selectors.ts';
import { withFixedTimes } from './tiers/fixed-times.ts';
import { tierAt } from './tiers/plan.ts';
import { reachOf } from './tiers/reach.ts';
import { acrossIn, lagWarning, questionFor } from './tiers/storage-question.ts';

/** Storage hides the newest 30 s unless told otherwise (field/ingest-and-query §5.2). */
export const showNewest = ['latency_offset', '1ms'] as const;

/** Without `time`, questions of the same second are the same question. */
const nowGridMs = 1000;

/** `/api/v1/query`. */
export async function instantQuery(
  deps: QueryDeps,
  tenantId: string,
  args: Arguments,
): Promise<QueryOutcome> {
  const nowMs = deps.clock.nowMs();
  const time = timeMs(args, 'time', nowMs);
  const timeout = timeoutMs(args, deps.limits.timeoutMs);
  const expr = expressionOf(args);
  const type = typeOf(expr);
  if (expr.kind === 'string') {
    return { ok: true, body: assembleSingle('string', [time / 1000, expr.value]) };
  }
  const fixed = withFixedTimes(expr, { startMs: time, endMs: time });
  const readsSamples = selectors(expr).length > 0;
  const asked = { tenantId, reach: reachOf(fixed), nowMs };
  const tier = readsSamples ? tierAt(deps.tiers, time, asked) : rawTier(deps);
  const query = questionFor(tier, fixed, deps.limits);
  if (!query.ok) return query;
  if (time < nowMs - longestKeptMs(deps, tenantId) && type !== 'scalar' && readsSamples) {
    return { ok: true, body: emptyAnswer(type === 'range vector' ? 'matrix' : 'vector') };
  }
  const warnings = [...query.warnings, ...lagWarning(tier, tenantId, { endMs: time, nowMs })];
  const isNow = scalar(args, 'time') === undefined;
  const outcome = await askStorage(deps, {
    ...{ tenantId, tier },
    read: { endpoint: 'query', ...acrossIn(query) },
    args: [
      ['query', query.text],
      ['time', seconds(time)],
      ['timeout', `${timeout}ms`],
      ['nocache', '1'],
      showNewest,
    ],
    timeoutMs: timeout,
    shape: (body) => {
      if (type === 'scalar') return scalarAnswer(body, time, warnings);
      return type === 'range vector' ? matrixAnswer(body, warnings) : vectorAnswer(body, warnings);
    },
    key: `${isNow ? `now ${Math.floor(nowMs / nowGridMs)}` : time}\0${query.text}`,
  });
  return readsSamples ? withResolution(outcome, [tier.name]) : outcome;
}
