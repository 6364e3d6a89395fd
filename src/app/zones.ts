import type { VictoriaTarget } from '../storage/victoria/index.ts';
import type { Foundation } from './compose.ts';

/** Each VictoriaMetrics that has raw samples: the first, and those of zones (`forward.shards`). */
export function rawTargets({
  backends,
  loaded,
}: Pick<Foundation, 'backends' | 'loaded'>): readonly VictoriaTarget[] {
  const { raw } = backends.victoria;
  const zones = new Set(Object.values(loaded.config.forward.shards));
  return [raw, ...[...zones].map((baseUrl) => ({ ...raw, baseUrl }))];
}

/** Labels that keep a series in one of them; undefined where there is one. */
export function placedBy({ loaded }: Pick<Foundation, 'loaded'>): readonly string[] | undefined {
  const { shards, shardTag } = loaded.config.forward;
  return Object.keys(shards).length === 0 ? undefined : ['host_id', shardTag];
}
