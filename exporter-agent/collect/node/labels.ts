import type { Labels } from '../collector.ts';

/** One label list per device for as long as the agent runs: a tick must not build them anew. */
export function createLabelCache(name: string): (value: string) => Labels {
  const lists = new Map<string, Labels>();
  return (value) => {
    let labels = lists.get(value);
    if (labels === undefined) {
      labels = [[name, value]];
      lists.set(value, labels);
    }
    return labels;
  };
}
