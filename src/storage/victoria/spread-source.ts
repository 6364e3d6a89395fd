import type { RawSource } from '../../retention/index.ts';

/** Raw samples of several VictoriaMetrics that share the series, one after the other. */
export function createSpreadSource(sources: readonly RawSource[]): RawSource {
  return {
    async names(tenantId, span) {
      const all = await Promise.all(sources.map((source) => source.names(tenantId, span)));
      return [...new Set(all.flat())].sort();
    },
    async *series(tenantId, names, span, signal) {
      for (const source of sources) yield* source.series(tenantId, names, span, signal);
    },
    async count(tenantId, names, span) {
      const all = await Promise.all(sources.map((source) => source.count(tenantId, names, span)));
      return all.reduce((sum, one) => sum + one, 0);
    },
  };
}
