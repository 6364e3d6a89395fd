import { describe, expect, it } from 'vitest';
import { chart, sparkline, summaryOf, thin } from '../../../../src/cli/show/chart.ts';
import { createProgress } from '../../../../src/cli/show/progress.ts';
import { facts, table } from '../../../../src/cli/show/table.ts';
import { ago, cut, figure, moment, pairs, plain, widthOf } from '../../../../src/cli/show/text.ts';

const file = { columns: undefined, colours: false };

describe('text', () => {
  it('obeys no control character of a server, and none that turns the direction of writing', () => {
    expect(plain('a\x1b[2Jb\rc\u202ed\u009b')).toBe('a�[2Jb�c�d�');
  });

  it('knows how many columns letters take', () => {
    expect(['abc', '日本', 'é', '🙂', 'e\u0301'].map(widthOf)).toEqual([3, 4, 1, 2, 1]);
    expect(cut('abcdef', 4)).toBe('abc…');
    expect(cut('日本語', 4)).toBe('日…');
    expect(cut('abcd', 4)).toBe('abcd');
  });

  it('tells times and figures as people do', () => {
    const now = Date.parse('2026-11-23T10:00:00Z');
    expect(ago('2026-11-23T09:59:48Z', now)).toBe('12 s ago');
    expect(ago('2026-11-23T07:00:00Z', now)).toBe('3 h ago');
    expect(ago('2026-11-25T10:00:00Z', now)).toBe('in 2 d');
    expect(ago(null, now)).toBe('never');
    expect(moment('2026-11-23T09:59:48.123Z')).toBe('2026-11-23 09:59:48');
    expect([84.7320525, 0, 1234.5, 0.00001, 3e12, NaN, null].map((value) => figure(value))).toEqual(
      ['84.73', '0', '1235', '1.00e-5', '3.00e+12', 'NaN', '-'],
    );
    expect(pairs({ zone: 'eu', role: 'web' })).toBe('role=web zone=eu');
  });
});

describe('a table', () => {
  const columns = [
    { title: 'NAME', value: ({ name }: Row) => name, canShrink: true },
    { title: 'VALUE', value: ({ value }: Row) => value, isNumber: true },
  ];
  interface Row {
    name: string;
    value: string | null;
  }
  const rows = [
    { name: 'a-name-that-is-rather-long', value: '1' },
    { name: '日本', value: null },
  ];

  it('cuts nothing in a file, and lines its columns up', () => {
    expect(table(rows, columns, file)).toBe(
      'NAME                        VALUE\na-name-that-is-rather-long      1\n日本                            -\n',
    );
  });

  it('is as wide as the terminal at most, where its columns can give way', () => {
    const lines = table(rows, columns, { columns: 24, colours: false }).trimEnd().split('\n');
    expect(lines.map(widthOf)).toEqual([24, 24, 24]);
    expect(lines[1]).toBe('a-name-that-is-r…      1');
    expect(table(rows, columns, { columns: 3, colours: false })).toContain('a-name-th…');
  });

  it('colours what is said to have a colour, and keeps its width', () => {
    const red = [{ ...columns[0]!, colour: () => 'red' as const }, columns[1]!];
    const plainText = table(rows, red, file);
    const coloured = table(rows, red, { columns: undefined, colours: true });
    expect(coloured).toContain('\x1b[31ma-name');
    expect(coloured.replace(/\x1b\[\d+m/g, '')).toBe(plainText);
  });

  it('of facts has its names below each other', () => {
    expect(
      facts(
        [
          ['id', 'a'],
          ['hostname', 'b\n'],
        ],
        file,
      ),
    ).toBe('id        a\nhostname  b�\n');
  });
});

describe('a chart', () => {
  it('has the lowest bar for the lowest value, the highest for the highest, and gaps', () => {
    expect(sparkline([0, null, 50, 100, NaN], 10)).toBe('▁ ▅█ ');
    expect(sparkline([7, 7], 10)).toBe('▅▅');
    expect(sparkline([null, null], 10)).toBe('  ');
  });

  it('stands for many values by their means', () => {
    expect(thin([1, 3, 5, 7], 2)).toEqual([2, 6]);
    expect(thin([1, null, null, null], 2)).toEqual([1, null]);
    expect(summaryOf([1, null, 3, Infinity])).toEqual({ min: 1, max: 3, avg: 2, last: 3 });
    expect(summaryOf([null])).toBeUndefined();
  });

  it('has its scale at the left', () => {
    expect(chart([0, 100], { columns: 20, rows: 2 })).toEqual(['100 ┤ █', '  0 ┤▁█']);
    expect(chart([null], { columns: 20, rows: 2 })).toEqual([]);
  });
});

describe('progress', () => {
  const run = (isWatched: boolean) => {
    let now = 0;
    let err = '';
    const write = (text: string) => void (err += text);
    const progress = createProgress({ err: write, isWatched }, () => now);
    progress.say('1 of 2');
    now = 6_000;
    progress.say('2 of 2');
    progress.tell('waiting');
    progress.clear();
    return err;
  };

  it('is one line that is written over on a terminal, and taken away', () => {
    expect(run(true)).toBe('\r\x1b[K1 of 2\r\x1b[K2 of 2\r\x1b[Kwaiting\r\x1b[K');
  });

  it('is a line now and then elsewhere', () => {
    expect(run(false)).toBe('2 of 2\nwaiting\n');
  });
});
