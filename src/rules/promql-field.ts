import { messageOf } from '../platform/index.ts';
import { parsePromql } from '../query/index.ts';
import type { Fields } from './fields.ts';

const located = /^(?:(\d+):(\d+)|unknown position): parse error: ([^]*)$/;

/** The PromQL at a key, checked; a mistake is shown at its spot. */
export function promqlField(fields: Fields, key: string): string {
  const text = fields.text(key);
  if (text.trim() === '') {
    fields.wrong(fields.has(key) ? key : undefined, `field '${key}' must be set in rule`);
    return '';
  }
  try {
    parsePromql(text);
  } catch (error) {
    const [, line, column, message = messageOf(error)] = located.exec(messageOf(error)) ?? [];
    const offset = offsetOf(text, Number(line ?? 1), Number(column ?? 1));
    fields.wrongAt(
      key,
      offset,
      `could not parse expression: ${line ?? 1}:${column ?? 1}: parse error: ${message}`,
    );
  }
  return text;
}

function offsetOf(text: string, line: number, column: number): number {
  const before = text.split('\n').slice(0, line - 1);
  return before.reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
}
