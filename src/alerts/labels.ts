/** A label set; empty values are absent labels. */
export type Labels = ReadonlyMap<string, string>;

/** One text for one label set, whatever the order of its labels. */
export function labelKey(labels: Labels): string {
  const pairs = [...labels].filter(([, value]) => value !== '');
  return JSON.stringify(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}
