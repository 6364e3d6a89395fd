/** A proc file does not look as it should. */
export class ProcParseError extends Error {
  override readonly name = 'ProcParseError';
}

/**
 * The lines that are surely whole: a read that was cut off ends without a newline, and half a number
 * is worse than none.
 */
export function wholeLines(text: string): string[] {
  const lines = text.split('\n');
  lines.pop();
  return lines;
}

/** Splits on runs of blanks. */
export function fields(line: string): string[] {
  return line.trim().split(/\s+/);
}

/** The numbers of the given fields, or undefined when one is missing or not a number. */
export function numbers(parts: readonly string[]): number[] | undefined {
  const values = parts.map((part) => (part === '' ? Number.NaN : Number(part)));
  return values.every((value) => Number.isFinite(value)) ? values : undefined;
}
