/** A label set; empty values are absent labels. */
export type Labels = ReadonlyMap<string, string>;

/** One text for one label set, whatever the order of its labels. */
export function labelKey(labels: Labels): string {
  const pairs = [...labels].filter(([, value]) => value !== '');
  return JSON.stringify(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const offset = 0xcbf29ce484222325n;
const prime = 0x100000001b3n;
const separator = 0xff;

/** As Alertmanager names an alert: FNV-1a of the sorted labels, 16 hex digits (prometheus/common model.LabelSet). */
export function fingerprint(labels: Labels): string {
  const encoder = new TextEncoder();
  let hash = offset;
  const add = (byte: number) => {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * prime);
  };
  const names = [...labels.keys()].filter((name) => labels.get(name) !== '').sort();
  for (const name of names) {
    for (const text of [name, labels.get(name) ?? '']) {
      encoder.encode(text).forEach(add);
      add(separator);
    }
  }
  return hash.toString(16).padStart(16, '0');
}
