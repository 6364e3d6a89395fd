import type { Labels } from '../collector.ts';
import { ProcParseError } from './text.ts';

export interface ExpositionLine {
  name: string;
  labels: Labels;
  value: number;
}

const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*(\S+)\s*$/;
const label = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)/y;

/**
 * Prometheus text format 0.0.4, the samples only. Throws ProcParseError on the first line that is none; a timestamp is
 * one too, as node_exporter has it: a file that says when cannot be told with every tick.
 */
export function parseExposition(text: string): ExpositionLine[] {
  const lines: ExpositionLine[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name, inner, value = ''] = sample.exec(line) ?? [];
    const number = toNumber(value);
    if (name === undefined || number === undefined) throw new ProcParseError(`no sample: ${line}`);
    lines.push({ name, labels: parseLabels(inner ?? ''), value: number });
  }
  return lines;
}

function parseLabels(text: string): Labels {
  const labels: (readonly [string, string])[] = [];
  let at = 0;
  while (at < text.trimEnd().length) {
    label.lastIndex = at;
    const [whole, name, value = ''] = label.exec(text) ?? [];
    if (whole === undefined || name === undefined) throw new ProcParseError(`no labels: ${text}`);
    labels.push([name, value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))]);
    at += whole.length;
  }
  return labels;
}

function toNumber(text: string): number | undefined {
  if (/^[+-]?Inf$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^NaN$/i.test(text)) return Number.NaN;
  const value = Number(text);
  return text !== '' && Number.isFinite(value) ? value : undefined;
}
