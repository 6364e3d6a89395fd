import { hostName, metricOf, roleOf } from './fleet.ts';

const perGroup = 50;

/**
 * Rules as teams have them, each with its own question: of ten, five ask the whole fleet, three the hosts of a tag, two
 * one host. A fiftieth of the hosts is above the threshold; half of the rules wait a minute.
 */
export function ruleFile(rules: number, hosts: number, interval: string): string {
  const groups: string[] = [];
  for (let from = 0; from < rules; from += perGroup) {
    const numbers = Array.from({ length: Math.min(perGroup, rules - from) }, (_, i) => from + i);
    groups.push(
      `  - name: bench-${String(from / perGroup)}\n    interval: ${interval}\n    rules:`,
      ...numbers.map((number) => rule(number, hosts)),
    );
  }
  return `groups:\n${groups.join('\n')}\n`;
}

function rule(number: number, hosts: number): string {
  const threshold = (95 + number / 10_000).toFixed(4);
  return `      - alert: Bench${String(number)}
        expr: ${metricOf(number)}${scopeOf(number, hosts)} > ${threshold}
        for: ${number % 2 === 0 ? '0s' : '1m'}
        labels: {severity: warning}
        annotations: {summary: '{{ $labels.host_id }} is at {{ $value | printf "%.1f" }}'}`;
}

function scopeOf(number: number, hosts: number): string {
  const kind = number % 10;
  if (kind < 5) return '';
  if (kind < 8) return `{role="${roleOf(number)}"}`;
  return `{host_id="${hostName((number * 7) % hosts)}"}`;
}
