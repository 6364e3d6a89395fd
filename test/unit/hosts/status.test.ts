import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveStatus, describeReason } from '../../../src/hosts/index.ts';
import { trackedMetrics, type Figures } from '../../../src/host-metrics/index.ts';

const nowMs = 1_800_000_000_000;
const alive = { createdAtMs: 0, lastSeenAtMs: nowMs };

function figures(tracked: Partial<Figures['tracked']>, held: Figures['held'] = []): Figures {
  const none = Object.fromEntries(trackedMetrics.map((name) => [name, null]));
  return {
    ...{ netTxMbps: null, netRxMbps: null, held },
    tracked: { ...none, ...tracked } as Figures['tracked'],
  };
}

describe('the status of a host (PRP §10.2)', () => {
  it.each([
    [69.99, 'ok'],
    [70, 'warn'],
    [90, 'warn'],
    [99, 'warn'],
  ])('at %d %% for less than a minute is %s', (value, status) => {
    expect(deriveStatus(alive, figures({ 'mem.used_pct': value }), nowMs).status).toBe(status);
  });

  it('is crit where a metric was above 90 % for a minute, and names it', () => {
    const given = figures({ 'cpu.utilization': 91, 'disk.used_pct': 99 }, ['disk.used_pct']);
    expect(deriveStatus(alive, given, nowMs)).toEqual({
      status: 'crit',
      reason: { code: 'above_90_percent', metric: 'disk.used_pct', value: 99 },
    });
  });

  it('is crit over two minutes after the last sign of life, whatever the figures say', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 600_000 }),
        fc.double({ min: 0, max: 69 }),
        (ago, cpu) => {
          const host = { createdAtMs: 0, lastSeenAtMs: nowMs - ago };
          const derived = deriveStatus(host, figures({ 'cpu.utilization': cpu }), nowMs);
          expect(derived.status).toBe(ago > 120_000 ? 'crit' : 'ok');
          expect(derived.reason?.code).toBe(ago > 120_000 ? 'heartbeat_lost' : undefined);
        },
      ),
    );
  });

  it.each([NaN, Infinity])('takes %d for no figure', (value) => {
    const given = figures({ 'cpu.utilization': value, 'mem.used_pct': 71 });
    expect(deriveStatus(alive, given, nowMs).reason).toMatchObject({ metric: 'mem.used_pct' });
  });

  it('gives a host that was added by hand its two minutes, and says that nobody was heard', () => {
    const host = { createdAtMs: nowMs - 120_000, lastSeenAtMs: null };
    expect(deriveStatus(host, undefined, nowMs).status).toBe('ok');
    const { status, reason } = deriveStatus(host, undefined, nowMs + 1);
    expect([status, reason?.code]).toEqual(['crit', 'never_seen']);
  });

  it('is told in one sentence', () => {
    const text = (sinceMs: number) => describeReason({ code: 'heartbeat_lost', sinceMs }, nowMs);
    expect(text(nowMs - 5 * 60_000)).toBe('no sign of life for 5 min');
    expect(text(nowMs - 5 * 3_600_000)).toBe('no sign of life for 5 h');
    expect(text(nowMs - 72 * 3_600_000)).toBe('no sign of life for 3 days');
  });
});
