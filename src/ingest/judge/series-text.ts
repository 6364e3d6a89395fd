import { readLabels, WireError, type Label } from '../../wire/index.ts';

/** More do not fit the text anyway; a refused series may have a million. */
const maxLabelsShown = 40;

/** Series in PromQL form for answers and the ledger, cut to a readable length. */
export function seriesText(labels: readonly Label[]): string {
  const name = labels.find(([label]) => label === '__name__')?.[1] ?? '';
  const rest = labels
    .filter(([label]) => label !== '__name__')
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return `${name}{${rest.join(',')}}`.slice(0, 300);
}

/** The same from the bytes of the series' Label fields, whatever they are. */
export function seriesTextOf(bytes: Buffer): string {
  try {
    return seriesText(readLabels(bytes, maxLabelsShown));
  } catch (error) {
    if (error instanceof WireError)
      return bytes
        .toString('latin1')
        .replace(/[^ -~]+/g, ' ')
        .slice(0, 300);
    throw error;
  }
}
