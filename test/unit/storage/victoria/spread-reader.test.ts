import { describe, expect, it } from 'vitest';
import type { Across, ReadOutcome, StorageRead } from '../../../../src/query/index.ts';
import { createSpreadReader } from '../../../../src/storage/victoria/index.ts';

const ok = (data: unknown, more: object = {}): ReadOutcome => ({
  ok: true,
  body: Buffer.from(JSON.stringify({ status: 'success', ...more, data })),
});
const vector = (...rows: [Record<string, string>, string][]): ReadOutcome =>
  ok({
    resultType: 'vector',
    result: rows.map(([metric, value]) => ({ metric, value: [9, value] })),
  });
const away: ReadOutcome = { ok: false, reason: 'unavailable', message: 'away' };

type Answers = ReadOutcome | ((query: string) => ReadOutcome);

async function ask(read: StorageRead, ...answers: Answers[]) {
  const readers = answers.map((answer) => ({
    read: (_: StorageRead, args: URLSearchParams) =>
      Promise.resolve(typeof answer === 'function' ? answer(args.get('query') ?? '') : answer),
  }));
  const args = new URLSearchParams({ query: 'asked' });
  const outcome = await createSpreadReader(readers).read(read, args, { timeoutMs: 1 });
  if (!outcome.ok) return outcome;
  return JSON.parse(outcome.body.toString()) as { isPartial: boolean; data: { result: unknown[] } };
}

const query = (across?: Across): StorageRead => ({
  endpoint: 'query',
  ...(across ? { across } : {}),
});
const valuesOf = (answer: Awaited<ReturnType<typeof ask>>): unknown =>
  'data' in answer
    ? answer.data.result.map((one) => (one as { value: [number, string] }).value[1])
    : answer;

describe('several storages as one', () => {
  it('are not asked what they cannot answer together', async () => {
    expect(await ask(query(), vector())).toMatchObject({ ok: false, reason: 'refused' });
  });

  it('fold groups, infinities and what is no number included', async () => {
    const fold = (by: 'sum' | 'min' | 'max', a: string, b: string) =>
      ask(query({ kind: 'fold', by }), vector([{ g: '1' }, a]), vector([{ g: '1' }, b]));
    expect(valuesOf(await fold('sum', '1.5', '2'))).toEqual(['3.5']);
    expect(valuesOf(await fold('min', '1.5', '2'))).toEqual(['1.5']);
    expect(valuesOf(await fold('max', '-Inf', '2'))).toEqual(['2']);
    expect(valuesOf(await fold('sum', '+Inf', '2'))).toEqual(['+Inf']);
    expect(valuesOf(await fold('max', 'NaN', '2'))).toEqual(['2']);
    expect(valuesOf(await fold('sum', 'NaN', '2'))).toEqual(['NaN']);
  });

  it('fold each moment of a range, in order', async () => {
    const matrix = (...values: [number, string][]) =>
      ok({ resultType: 'matrix', result: [{ metric: {}, values }] });
    const read: StorageRead = { endpoint: 'query_range', across: { kind: 'fold', by: 'sum' } };
    const answer = await ask(read, matrix([2, '1'], [3, '1']), matrix([1, '5'], [2, '5']));
    expect('data' in answer && answer.data.result).toEqual([
      {
        metric: {},
        values: [
          [1, '5'],
          [2, '6'],
          [3, '1'],
        ],
      },
    ]);
  });

  const average = query({ kind: 'average', sum: 'S', count: 'C' });
  const both = (sum: string, count: string) => (text: string) =>
    vector([{}, text === 'S' ? sum : count]);

  it('divide the sums of all by their counts', async () => {
    expect(valuesOf(await ask(average, both('10', '4'), both('2', '2')))).toEqual(['2']);
  });

  it('count neither of a storage that told one of them only', async () => {
    const half = (text: string) => (text === 'S' ? vector([{}, '90']) : away);
    const answer = await ask(average, both('10', '4'), half);
    expect(valuesOf(answer)).toEqual(['2.5']);
    expect(answer).toMatchObject({ isPartial: true });
  });

  it('say that an answer is a part of it where one is away, and fail where all are', async () => {
    const union = query({ kind: 'union' });
    expect(await ask(union, vector([{}, '1']), away)).toMatchObject({ isPartial: true });
    expect(await ask(union, vector([{}, '1']), vector())).toMatchObject({ isPartial: false });
    expect(await ask(union, away, away)).toEqual(away);
    const refused: ReadOutcome = { ok: false, reason: 'refused', message: 'no' };
    expect(await ask(union, vector(), refused)).toEqual(refused);
  });

  it('say that they have the same series with other values', async () => {
    const union = query({ kind: 'union' });
    const one = vector([{ a: '1' }, '1']);
    expect(await ask(union, one, vector([{ a: '1' }, '2']))).toMatchObject({ isAmbiguous: true });
    expect(await ask(union, one, one)).not.toHaveProperty('isAmbiguous');
    expect(await ask(union, one, vector([{ a: '2' }, '2']))).not.toHaveProperty('isAmbiguous');
  });

  it('add what they count', async () => {
    const status = (total: number, count: number) =>
      ok({ totalSeries: total, seriesCountByMetricName: [{ name: 'up', value: count }] });
    expect(await ask({ endpoint: 'status/tsdb' }, status(3, 2), status(4, 4))).toMatchObject({
      data: { totalSeries: 7, seriesCountByMetricName: [{ name: 'up', value: 6 }] },
    });
  });
});
