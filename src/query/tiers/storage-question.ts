import type { QueryDeps } from '../ask.ts';
import { storageQuery, type StorageText } from '../expression.ts';
import type { QueryFailure } from '../outcome.ts';
import type { Expr } from '../promql/ast.ts';
import { adaptTo } from './adapt.ts';
import type { ReadTier } from './tier.ts';

export type TierQuestion = (StorageText & { warnings: readonly string[] }) | QueryFailure;

/** What one tier is asked for an expression, and what its answer does not say. */
export function questionFor(tier: ReadTier, expr: Expr, limits: QueryDeps['limits']): TierQuestion {
  const isRaw = tier.stepMs === 0;
  const adapted = isRaw ? { expr, warnings: new Set<string>() } : adaptTo(tier.stepMs, expr);
  const query = storageQuery(adapted.expr, limits.maxSubquerySteps, tier.placedBy);
  return query.ok ? { ...query, warnings: [...adapted.warnings] } : query;
}

/** Said where what is asked for is newer than what the tier has been given. */
export function lagWarning(
  tier: ReadTier,
  tenantId: string,
  { endMs, nowMs }: { endMs: number; nowMs: number },
): string[] {
  const filledMs = tier.filledUntilMs(tenantId);
  if (Math.min(endMs, nowMs) - filledMs <= 2 * tier.stepMs) return [];
  return [
    `what is newer than ${new Date(filledMs).toISOString()} is not yet among the averages of ${tier.name}`,
  ];
}

/** For the read: how the answers of several storages are put together. */
export const acrossIn = ({ across }: StorageText): Pick<StorageText, 'across'> =>
  across ? { across } : {};
