import type { Labels } from '../collector.ts';

/** Names of programs come and go for as long as the agent runs; then all begin anew. */
const mostLists = 1_000;

/** One label list per value: a tick must not build them anew. */
export function createLabelCache(name: string): (value: string) => Labels {
  const lists = new Map<string, Labels>();
  return (value) => {
    let labels = lists.get(value);
    if (labels === undefined) {
      if (lists.size === mostLists) lists.clear();
      labels = [[name, value]];
      lists.set(value, labels);
    }
    return labels;
  };
}
