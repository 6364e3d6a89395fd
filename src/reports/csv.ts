import { stringify } from 'csv-stringify';
import type { Readable } from 'node:stream';

export type CsvValue = string | number | null;

/**
 * CSV as spreadsheets read it (RFC 4180, with a byte order mark), row by row. A text that would be taken for a formula
 * gets an apostrophe before it; numbers stay numbers.
 */
export function csvText(
  columns: readonly string[],
  rows: AsyncIterable<readonly CsvValue[]> | Iterable<readonly CsvValue[]>,
): Readable {
  const text = stringify({
    ...{ header: true, columns: [...columns], bom: true },
    ...{ escape_formulas: true, record_delimiter: '\r\n' },
  });
  void feed(rows, text);
  return text;
}

async function feed(
  rows: AsyncIterable<readonly CsvValue[]> | Iterable<readonly CsvValue[]>,
  text: ReturnType<typeof stringify>,
): Promise<void> {
  try {
    for await (const row of rows) {
      if (text.write(row)) continue;
      await new Promise<void>((resolve) => {
        text.once('drain', resolve).once('close', resolve);
      });
      if (text.destroyed) return;
    }
    text.end();
  } catch (error) {
    text.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
