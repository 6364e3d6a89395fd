import { wholeLines } from './text.ts';

/** /proc/meminfo: KiB by name (`HugePages_*` are counts); lines that are not whole are left out. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of wholeLines(text)) {
    const match = /^(\S+):\s+(\d+)(?: kB)?\s*$/.exec(line);
    if (match?.[1] !== undefined) values.set(match[1], Number(match[2]));
  }
  return values;
}
