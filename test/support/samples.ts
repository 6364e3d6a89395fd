import type { VictoriaTarget } from '../../src/storage/victoria/index.ts';

/** One series with its samples, as it is to lie in storage. */
export interface StoredSeries {
  metric: string;
  hostId: string;
  labels?: Record<string, string>;
  tenant?: string;
  /** Milliseconds since the epoch and the value. */
  points: readonly (readonly [number, number])[];
}

/** Puts series into storage without the product, and returns when queries find them. */
export async function store(target: VictoriaTarget, series: readonly StoredSeries[]) {
  const lines = series.map(({ metric, hostId, labels = {}, tenant = 'default', points }) =>
    JSON.stringify({
      metric: { __name__: metric, host_id: hostId, tenant, ...labels },
      timestamps: points.map(([at]) => at),
      values: points.map(([, value]) => value),
    }),
  );
  const authorization = `Basic ${btoa(`${target.username ?? ''}:${target.password ?? ''}`)}`;
  const import_ = await fetch(`${target.baseUrl}/api/v1/import`, {
    ...{ method: 'POST', headers: { authorization }, body: lines.join('\n') },
  });
  if (!import_.ok) throw new Error(`import: ${String(import_.status)} ${await import_.text()}`);
  const key = target.authKeys?.forceFlush;
  const search = key === undefined ? '' : `?authKey=${key}`;
  const flush = await fetch(`${target.baseUrl}/internal/force_flush${search}`, {
    headers: { authorization },
  });
  if (!flush.ok) throw new Error(`flush: ${String(flush.status)}`);
}

/** The same value every `stepMs` until now. */
export function steady(
  value: number,
  { untilMs, forMs, stepMs = 5_000 }: { untilMs: number; forMs: number; stepMs?: number },
): [number, number][] {
  const count = Math.floor(forMs / stepMs);
  return Array.from({ length: count }, (_, i) => [untilMs - i * stepMs, value]);
}
