import { findByName } from '../../src/catalog/index.ts';
import { kindOfNodeMetric } from '../collect/node/metric.ts';
import type { Point } from '../collect/run.ts';

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Points as Prometheus's text format 0.0.4, without timestamps, each metric in one group with its help and type
 * (prometheus/docs content/docs/instrumenting/exposition_formats.md).
 */
export function toExposition(points: readonly Point[]): string {
  const groups = new Map<string, string>();
  for (const { name, labels, value } of points) {
    // A scrape says by itself whether it worked.
    if (name === 'up') continue;
    const group = groups.get(name) ?? toHead(name);
    groups.set(name, `${group}${name}${toBraces(labels)} ${value}\n`);
  }
  return [...groups.values()].join('');
}

function toHead(name: string): string {
  const metric = findByName(name);
  const help = metric?.help ?? 'As node_exporter tells it under this name.';
  return `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${name} ${metric?.kind ?? kindOfNodeMetric(name)}\n`;
}

function toBraces(labels: Point['labels']): string {
  if (labels.length === 0) return '';
  return `{${labels.map(([name, value]) => `${name}="${escaped(value)}"`).join(',')}}`;
}

function escaped(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
