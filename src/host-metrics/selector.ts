import { quote } from '../query/index.ts';

/** A name inside a pattern, taken literally. */
const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A label matcher for any of these values. */
export function anyOf(label: string, values: readonly string[]): string {
  const [only] = values;
  if (values.length === 1 && only !== undefined) return `${label}=${quote(only)}`;
  return `${label}=~${quote(values.map(escaped).join('|'))}`;
}

/** `{__name__="cpu_utilization",host_id="web-1"}`; nothing in it is a client's but quoted values. */
export function selectorOf(name: string, labels: Readonly<Record<string, string>>): string {
  const matchers = Object.entries(labels).map(([label, value]) => `${label}=${quote(value)}`);
  return `${name}{${matchers.join(',')}}`;
}
