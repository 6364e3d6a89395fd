import { catalogMetrics, findByName, resolveApiName, type Metric } from '../catalog/index.ts';
import { GaugewayError } from '../platform/index.ts';

const maxNear = 3;

/** By its dotted name, or its name in PromQL. Throws BAD_REQUEST with the names that are near. */
export function metricNamed(name: string): {
  metric: Metric;
  labels: Readonly<Record<string, string>>;
} {
  const resolved = resolveApiName(name);
  if (resolved) return resolved;
  const metric = findByName(name);
  if (metric) return { metric, labels: {} };
  const near = nearNames(name);
  const hint = near.length === 0 ? '' : `; did you mean ${near.join(', ')}?`;
  throw new GaugewayError('BAD_REQUEST', `there is no metric of this name${hint}`, {
    details: { reason: 'unknown_metric', near },
  });
}

/** Names of the catalog that need few changes to be this one, nearest first. */
export function nearNames(name: string): string[] {
  const wanted = name.toLowerCase().slice(0, 64);
  const limit = Math.max(2, Math.floor(wanted.length / 2));
  return catalogMetrics
    .map(({ apiName }) => ({ apiName, distance: distanceOf(wanted, apiName.toLowerCase()) }))
    .filter(({ distance, apiName }) => distance <= limit || apiName.includes(wanted))
    .sort((a, b) => a.distance - b.distance || (a.apiName < b.apiName ? -1 : 1))
    .slice(0, maxNear)
    .map(({ apiName }) => apiName);
}

/** Levenshtein's: insertions, deletions and replacements. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
