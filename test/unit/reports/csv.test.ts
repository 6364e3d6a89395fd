import { buffer, text } from 'node:stream/consumers';
import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { csvText } from '../../../src/reports/index.ts';

async function* each<T>(rows: readonly T[]): AsyncGenerator<T> {
  for (const row of rows) yield await Promise.resolve(row);
}

const formula = /^[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/;

describe('CSV', () => {
  it('has no cell that a spreadsheet takes for a formula, and reads back as it was', async () => {
    const cell = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc
        .tuple(fc.constantFrom('=', '+', '-', '@', '\t', '\r', '＝'), fc.string())
        .map((all) => all.join('')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { maxLength: 10 }), async (rows) => {
        const csv = await text(csvText(['a', 'b'], each(rows)));
        const read = parse(csv, { bom: true, skip_empty_lines: false });
        expect(read[0]).toEqual(['a', 'b']);
        expect(read.slice(1)).toEqual(
          rows.map((row) => row.map((value) => (formula.test(value) ? `'${value}` : value))),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('leaves numbers numbers, negative ones too, and nothing where there is no value', async () => {
    const csv = await buffer(csvText(['a', 'b', 'c'], each([[-1.5, 'x', null]])));
    expect(csv.toString()).toBe('\uFEFFa,b,c\r\n-1.5,x,\r\n');
  });

  it('ends with the error where a row cannot be read', async () => {
    async function* broken() {
      yield ['1'];
      await Promise.resolve();
      throw new Error('storage is away');
    }
    await expect(text(csvText(['a'], broken()))).rejects.toThrow('storage is away');
  });
});
