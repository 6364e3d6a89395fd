import { describe, expect, it } from 'vitest';
import {
  durationMs,
  limit,
  parseTimeMs,
  scalar,
  stepMs,
  timeMs,
  timeRange,
  timeoutMs,
} from '../../../src/query/params.ts';

const args = (text: string): URLSearchParams => new URLSearchParams(text);

describe('times', () => {
  it.each([
    ['0', 0],
    ['4', 4000],
    ['1795388961.123', 1_795_388_961_123],
    ['1795388961.1239', 1_795_388_961_124],
    ['1e3', 1_000_000],
    ['-5', -5000],
    ['+5', 5000],
    ['2026-11-22T23:00:00Z', Date.UTC(2026, 10, 22, 23)],
    ['2026-11-22T23:00:00.5Z', Date.UTC(2026, 10, 22, 23, 0, 0, 500)],
    ['2026-11-22T23:00:00.123456789+01:00', Date.UTC(2026, 10, 22, 22, 0, 0, 123)],
    ['-292273086-05-16T16:47:06Z', -8.64e15],
  ])('%s is %d ms', (text, ms) => {
    expect(parseTimeMs(text)).toBe(ms);
  });

  it.each([
    '',
    'abc',
    'now',
    '0x10',
    '1_000',
    'NaN',
    'Inf',
    '1e300',
    '2026-11-22',
    '2026-13-01T00:00:00Z',
    ' 5',
  ])('%j is no time', (text) => {
    expect(parseTimeMs(text)).toBeUndefined();
  });

  it('an error is in the words of Prometheus', () => {
    expect(() => timeMs(args('time=abc'), 'time', 0)).toThrow(
      'invalid parameter "time": cannot parse "abc" to a valid timestamp',
    );
    expect(() => timeRange(args('start=2&end=1'), { startMs: 0, endMs: 0 })).toThrow(
      'invalid parameter "end": end timestamp must not be before start time',
    );
  });
});

describe('durations', () => {
  it.each([
    ['15', 15_000],
    ['0.5', 500],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['250ms', 250],
  ])('%s is %d ms', (text, ms) => {
    expect(durationMs('step', text)).toBe(ms);
  });

  it.each(['', 'abc', '1m1h', '5x', 'NaN', '1.5m', '-1h'])('%j is no duration', (text) => {
    expect(() => durationMs('step', text)).toThrow(
      `invalid parameter "step": cannot parse ${JSON.stringify(text)} to a valid duration`,
    );
  });

  it('a step must be positive and is at least a millisecond', () => {
    expect(() => stepMs(args('step=0'))).toThrow('zero or negative query resolution step widths');
    expect(() => stepMs(args('step=-1'))).toThrow('zero or negative query resolution step widths');
    expect(() => stepMs(args('step=1e10'))).toThrow('It overflows int64');
    expect(stepMs(args('step=0.0001'))).toBe(1);
  });

  it("a client's timeout can only shorten ours", () => {
    expect(timeoutMs(args(''), 30_000)).toBe(30_000);
    expect(timeoutMs(args('timeout=5s'), 30_000)).toBe(5000);
    expect(timeoutMs(args('timeout=1h'), 30_000)).toBe(30_000);
    expect(timeoutMs(args('timeout=0'), 30_000)).toBe(1);
  });
});

describe('arguments', () => {
  it('given twice are refused, empty ones are absent', () => {
    expect(() => scalar(args('query=a&query=b'), 'query')).toThrow('given more than once');
    expect(scalar(args('query='), 'query')).toBeUndefined();
    expect(scalar(args('a=1'), 'query')).toBeUndefined();
  });

  it('a limit is a whole number and not negative', () => {
    expect(limit(args(''))).toBe(0);
    expect(limit(args('limit=7'))).toBe(7);
    expect(() => limit(args('limit=-1'))).toThrow('limit must be non-negative');
    expect(() => limit(args('limit=1.5'))).toThrow('strconv.Atoi: parsing "1.5": invalid syntax');
  });
});
