import { dataOf } from '../answer.ts';
import { askStorage, type QueryDeps, type Question } from '../ask.ts';
import type { QueryFailure } from '../outcome.ts';
import type { ReadTier } from './tier.ts';

/** Those that hold something since then: a coarser one only where the finer ones do not reach. */
export function tiersSince(
  { tiers }: Pick<QueryDeps, 'tiers'>,
  { tenantId, startMs, nowMs }: { tenantId: string; startMs: number; nowMs: number },
): readonly ReadTier[] {
  const last = tiers.findIndex((tier) => nowMs - tier.keptMs(tenantId) <= startMs);
  return last === -1 ? tiers : tiers.slice(0, last + 1);
}

export type Lists = { ok: true; data: unknown[][]; warnings: string[] } | QueryFailure;

/** The same list of each tier; one that does not answer is said. */
export async function askLists(
  deps: QueryDeps,
  tiers: readonly ReadTier[],
  question: Omit<Question, 'shape' | 'tier'>,
): Promise<Lists> {
  const answers = await Promise.all(
    tiers.map(async (tier) => ({
      tier,
      outcome: await askStorage(deps, { ...question, tier, shape: (body) => body }),
    })),
  );
  const data: unknown[][] = [];
  const warnings: string[] = [];
  let failure: QueryFailure | undefined;
  for (const { tier, outcome } of answers) {
    if (outcome.ok) {
      const list = dataOf(outcome.body);
      data.push(list.data as unknown[]);
      warnings.push(...list.warnings);
    } else if (outcome.type === 'unavailable') {
      failure ??= outcome;
      warnings.push(`names are missing: the storage of ${tier.name} does not answer`);
    } else return outcome;
  }
  if (failure && data.length === 0) return failure;
  return { ok: true, data, warnings: [...new Set(warnings)] };
}
