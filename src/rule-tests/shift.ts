import { parsePromql, walk, type Expr } from '../query/index.ts';

const dayMs = 86_400_000;

/**
 * Tests begin at the epoch, where VictoriaMetrics keeps nothing. 28 years later every date has the same weekday and the
 * same place in its month; one second more, since its searches leave a day's very first moment out.
 */
export const epochShiftMs = 10_227 * dayMs + 1_000;

/** How much later than a test says its samples are stored: nothing where it says when it begins. */
export const shiftOf = (startMs: number): number => (startMs < dayMs * 365 ? epochShiftMs : 0);

interface Edit {
  at: number;
  insert: string;
  /** Characters that go. */
  drop?: number;
}

/** The expression for samples that are stored `shiftMs` later: times are read as if they were not. */
export function shiftExpression(text: string, shiftMs: number): string {
  if (shiftMs === 0) return text;
  const edits = [...walk(parsePromql(text))].flatMap((node) => editsOf(node, text, shiftMs / 1000));
  // From the end on, so that offsets stay what they are; of nested calls the inner one's end comes first.
  edits.sort((a, b) => b.at - a.at);
  return edits.reduce(
    (now, { at, insert, drop = 0 }) => now.slice(0, at) + insert + now.slice(at + drop),
    text,
  );
}

function editsOf(node: Expr, text: string, seconds: number): Edit[] {
  if (node.kind === 'call') return callEdits(node, seconds);
  if (node.kind !== 'selector' && node.kind !== 'subquery') return [];
  if (typeof node.at !== 'number') return [];
  const [whole = '', at = ''] = /@\s*([-+\d.eE]+)/.exec(text.slice(node.start, node.end)) ?? [];
  const index = text.indexOf(whole, node.start);
  return [{ at: index, drop: whole.length, insert: `@ ${Number(at) + seconds}` }];
}

function callEdits(node: Extract<Expr, { kind: 'call' }>, seconds: number): Edit[] {
  const { name, start, end, args } = node;
  if (name === 'time' || name === 'timestamp') {
    return [
      { at: end, insert: ` - ${seconds})` },
      { at: start, insert: '(' },
    ];
  }
  if (name !== 'year' || args.length > 0) return [];
  return [{ at: start, drop: end - start, insert: `year(vector(time() - ${seconds}))` }];
}
