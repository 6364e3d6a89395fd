/** The samples and types of a text exposition; a series is its name with its labels sorted. */
export interface Exposition {
  types: ReadonlyMap<string, string>;
  samples: ReadonlyMap<string, number>;
}

export function readExposition(text: string): Exposition {
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) types.set(type[1]!, type[2]!);
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample) samples.set(seriesOf(sample[1]!, sample[2] ?? ''), toNumber(sample[3]!));
  }
  return { types, samples };
}

export const nameOf = (series: string): string => series.split('{')[0]!;

function seriesOf(name: string, inner: string): string {
  const labels = inner.match(/\w+="(?:[^"\\]|\\.)*"/g) ?? [];
  return labels.length === 0 ? name : `${name}{${labels.sort().join(',')}}`;
}

function toNumber(text: string): number {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}
