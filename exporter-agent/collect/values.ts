import type { Emit, Labels } from './collector.ts';
import type { NodeMetricName } from './node/metric.ts';
import { readValue, type Procfs } from './procfs/root.ts';

/** A file with one number, the metric it is, and what the file's unit has to be multiplied with. */
export type ValueFile = readonly [file: string, name: NodeMetricName, factor?: number];

/** Tells each file of a directory that the kernel will read out; numbers may be hexadecimal (`0x1003`). */
export function emitValues(
  tree: Procfs,
  directory: string,
  files: readonly ValueFile[],
  told: { emit: Emit; labels: Labels },
): void {
  for (const [file, name, factor = 1] of files) {
    const text = readValue(tree, `${directory}/${file}`);
    if (text !== undefined && text !== '') told.emit(name, Number(text) * factor, told.labels);
  }
}
