/** Which metric names each tenant has had since they were last forgotten. */
export interface MetricNames {
  /** False where the name would be one too many; a name that is known always passes. */
  admit(tenantId: string, metric: string, limit: number): boolean;
  countOf(tenantId: string): number;
  entries(): Iterable<readonly [tenantId: string, names: number]>;
  /** Begins anew: names of series that go on are seen again when their verdicts are made anew. */
  forget(): void;
  forgetTenant(tenantId: string): void;
}

export function createMetricNames(): MetricNames {
  const names = new Map<string, Set<string>>();
  return {
    admit(tenantId, metric, limit) {
      let known = names.get(tenantId);
      if (known?.has(metric)) return true;
      if ((known?.size ?? 0) >= limit) return false;
      if (!known) names.set(tenantId, (known = new Set()));
      known.add(metric);
      return true;
    },
    countOf: (tenantId) => names.get(tenantId)?.size ?? 0,
    *entries() {
      for (const [tenantId, known] of names) yield [tenantId, known.size];
    },
    forget: () => names.clear(),
    forgetTenant: (tenantId) => void names.delete(tenantId),
  };
}
