import { cut, plain, widthOf } from './text.ts';

export type Colour = 'red' | 'yellow' | 'green' | 'dim' | 'bold';

const codes: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

/** The part of a terminal that decides how things look. */
export interface Screen {
  columns: number | undefined;
  colours: boolean;
}

export function coloured(text: string, colour: Colour | undefined, { colours }: Screen): string {
  return colours && colour ? `\x1b[${String(codes[colour])}m${text}\x1b[0m` : text;
}

export interface Column<T> {
  title: string;
  value: (row: T) => string | null | undefined;
  isNumber?: boolean;
  /** Gives way, down to `narrowest`, where the terminal is too narrow. */
  canShrink?: boolean;
  colour?: (row: T) => Colour | undefined;
}

const gap = '  ';
const narrowest = 10;

/** Rows under a head, as wide as the terminal at most; into a file or a pipe nothing is cut. */
export function table<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  screen: Screen,
): string {
  const cells = rows.map((row) => columns.map(({ value }) => plain(value(row) ?? '-') || '-'));
  const widths = columns.map(({ title }, index) =>
    cells.reduce((widest, row) => Math.max(widest, widthOf(row[index]!)), title.length),
  );
  shrink(widths, columns, screen.columns);
  const last = columns.length - 1;
  const placed = (text: string, index: number, colour?: Colour): string => {
    const fitted = cut(text, widths[index]!);
    const room = ' '.repeat(widths[index]! - widthOf(fitted));
    const shown = coloured(fitted, colour, screen);
    if (columns[index]!.isNumber) return room + shown;
    return index === last ? shown : shown + room;
  };
  const head = columns.map(({ title }, index) => placed(title, index, 'bold')).join(gap);
  const lines = cells.map((row, at) =>
    row.map((cell, index) => placed(cell, index, columns[index]!.colour?.(rows[at]!))).join(gap),
  );
  return `${[head, ...lines].map((line) => line.trimEnd()).join('\n')}\n`;
}

/** The widest that can give way does, until all fits or none can. */
function shrink<T>(
  widths: number[],
  columns: readonly Column<T>[],
  available: number | undefined,
): void {
  if (available === undefined) return;
  const gaps = gap.length * (columns.length - 1);
  let excess = widths.reduce((sum, width) => sum + width, gaps) - available;
  while (excess > 0) {
    let widest = -1;
    for (const [index, { canShrink }] of columns.entries()) {
      const isWider = widest < 0 || widths[index]! > widths[widest]!;
      if (canShrink && widths[index]! > narrowest && isWider) widest = index;
    }
    if (widest < 0) return;
    widths[widest]! -= 1;
    excess -= 1;
  }
}

/** `name  value` lines. */
export function facts(of: readonly (readonly [string, string])[], screen: Screen): string {
  const width = Math.max(...of.map(([name]) => name.length));
  const line = ([name, value]: readonly [string, string]): string =>
    `${coloured(name.padEnd(width), 'dim', screen)}  ${plain(value)}`.trimEnd();
  return `${of.map(line).join('\n')}\n`;
}
