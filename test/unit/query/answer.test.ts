import { describe, expect, it } from 'vitest';
import { matrixAnswer, scalarAnswer, vectorAnswer } from '../../../src/query/answer.ts';

function body(type: string, result: unknown[], rest: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      status: 'success',
      ...rest,
      data: { resultType: type, result },
      stats: { seriesFetched: '1' },
    }),
  );
}

const parsed = (answer: Buffer): unknown => JSON.parse(answer.toString());

describe('answers', () => {
  it('lose the tenant and statistics, and have sorted labels', () => {
    const answer = vectorAnswer(
      body('vector', [
        { metric: { z: '1', tenant: 'a', __name__: 'up', B: '2' }, value: [1, '2'] },
      ]),
    );
    expect(answer.toString()).toBe(
      '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"B":"2","__name__":"up","z":"1"},"value":[1,"2"]}]}}',
    );
  });

  it('survive labels that look like the answer itself', () => {
    const evil = '}],"x":{"metric":{"a":"b\\"}\n,{"metric":{';
    const metric = { __name__: 'up', evil, ['__proto__x']: '"', '7': 'seven' };
    const series = {
      metric,
      values: [
        [1, '2'],
        [2, '3'],
      ],
    };
    expect(parsed(matrixAnswer(body('matrix', [series, series])))).toEqual({
      status: 'success',
      data: { resultType: 'matrix', result: [series, series] },
    });
  });

  it('keep the order of a vector and sort a matrix', () => {
    const one = (name: string) => ({ metric: { a: name }, value: [1, '1'] });
    const order = (answer: Buffer): string[] =>
      (parsed(answer) as { data: { result: { metric: { a: string } }[] } }).data.result.map(
        (series) => series.metric.a,
      );
    expect(order(vectorAnswer(body('vector', [one('b'), one('a')])))).toEqual(['b', 'a']);
    expect(order(matrixAnswer(body('matrix', [one('b'), one('a')])))).toEqual(['a', 'b']);
  });

  it('warn where storage had only a part', () => {
    const answer = parsed(vectorAnswer(body('vector', [], { isPartial: true })));
    expect(answer).toHaveProperty('warnings');
    expect(parsed(vectorAnswer(body('vector', [], { isPartial: false })))).not.toHaveProperty(
      'warnings',
    );
  });

  it('give a scalar, and NaN where storage has nothing', () => {
    expect(
      parsed(scalarAnswer(body('vector', [{ metric: {}, value: [4, '2'] }]), 4000)),
    ).toMatchObject({
      data: { resultType: 'scalar', result: [4, '2'] },
    });
    expect(parsed(scalarAnswer(body('vector', []), 4500))).toMatchObject({
      data: { result: [4.5, 'NaN'] },
    });
  });

  it('fail on a series that is cut', () => {
    const whole = body('vector', [{ metric: { a: 'b' }, value: [1, '2'] }]);
    const cut = whole.subarray(0, whole.indexOf('"b"') + 2);
    expect(() => vectorAnswer(cut)).toThrow('cut series');
  });
});
