import { findByName } from '../catalog/index.ts';
import { suffixes } from './tiers.ts';

export type Kind = 'gauge' | 'counter';

/** What senders said of a metric: its type as Prometheus has it. */
export type TypeOf = (metric: string) => string | undefined;

const counterName = /_(?:total|bucket|count|sum)$/;
const histogramPart = /_(?:bucket|count|sum)$/;
const ofHistogram = new Set(['histogram', 'summary']);

/** By the catalog, else by what senders said, else by name; a gauge where nothing says otherwise. */
export function kindOf(name: string, typeOf: TypeOf): Kind {
  const known = findByName(name);
  if (known) return known.kind;
  const said = typeOf(name);
  if (said === 'counter') return 'counter';
  if (said !== undefined && said !== 'unknown') return 'gauge';
  const base = histogramPart.test(name) ? typeOf(name.replace(histogramPart, '')) : undefined;
  if (base === 'gaugehistogram') return 'gauge';
  if (base !== undefined && ofHistogram.has(base)) return 'counter';
  // Remote write 2.0 names a counter's family without its suffix.
  return counterName.test(name) ? 'counter' : 'gauge';
}

/**
 * A name that another's aggregate has: `x:max` where the gauge `x` is there too. Its own samples would be mixed with
 * the aggregate's, so it is left out.
 */
export function isTaken(name: string, kinds: ReadonlyMap<string, Kind>): boolean {
  const suffix = Object.values(suffixes).find((end) => name.endsWith(end));
  return suffix !== undefined && kinds.get(name.slice(0, -suffix.length)) === 'gauge';
}
