import { describe, expect, it } from 'vitest';
import { gridOf, ranges } from '../../../src/host-metrics/index.ts';
import { metricNamed, nearNames } from '../../../src/host-metrics/names.ts';

const nowMs = 1_800_000_003_210;

describe('the resolution of an answer (contract)', () => {
  it.each([
    ['15m', '5s', 180],
    ['1h', '5s', 720],
    ['6h', '1m', 360],
    ['24h', '1m', 1_440],
    ['7d', '5m', 2_016],
    ['30d', '1h', 720],
    ['90d', '1h', 2_160],
  ] as const)('for %s is %s: %d points', (range, resolution, points) => {
    const { grid, resolution: told } = gridOf({ range }, nowMs);
    expect(told).toBe(resolution);
    expect((grid.endMs - grid.startMs) / grid.stepMs + 1).toBe(points);
    expect(grid.endMs % grid.stepMs).toBe(0);
    expect(nowMs - grid.endMs).toBeLessThan(grid.stepMs);
    expect(ranges).toContain(range);
  });

  it('is refused for a span that is none, or longer than anything is kept', () => {
    for (const [startMs, endMs] of [
      [nowMs, nowMs],
      [nowMs, nowMs - 1],
      [0, nowMs],
    ] as const) {
      expect(() => gridOf({ startMs, endMs }, nowMs)).toThrow(
        expect.objectContaining({ code: 'BAD_REQUEST' }),
      );
    }
  });
});

describe('a metric', () => {
  it('is known by its dotted name, a numbered core, and its name in PromQL', () => {
    expect(metricNamed('cpu.utilization').metric.name).toBe('cpu_utilization');
    expect(metricNamed('cpu.core.3').labels).toEqual({ core: '3' });
    expect(metricNamed('cpu_utilization').metric.apiName).toBe('cpu.utilization');
  });

  it('that is unknown is answered with the names that are near, and with none where none is', () => {
    expect(nearNames('cpu.utilisation')[0]).toBe('cpu.utilization');
    expect(nearNames('mem.used')).toContain('mem.used_pct');
    expect(nearNames('!!!!!!!!')).toEqual([]);
    expect(() => metricNamed('tenant"} or {x="')).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    );
  });
});
