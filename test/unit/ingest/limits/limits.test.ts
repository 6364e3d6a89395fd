import { describe, expect, it } from 'vitest';
import { createAdmission, type Ticket } from '../../../../src/ingest/limits/admit.ts';
import { createRateBudget } from '../../../../src/ingest/limits/budget.ts';
import { createRepeats } from '../../../../src/ingest/limits/repeats.ts';
import type { IngestOutcome } from '../../../../src/ingest/index.ts';
import { stillClock } from '../../../support/ingest.ts';

describe('admission', () => {
  const limits = { maxInflightBytes: 100, maxInflightRequests: 3, maxInflightPerTenant: 2 };
  const admitted = (ticket: Ticket | string): Ticket => {
    if (typeof ticket === 'string') throw new Error(ticket);
    return ticket;
  };

  it('bounds requests, of all and of one tenant', () => {
    const admission = createAdmission(limits);
    const first = admitted(admission.admit('a', 1));
    admitted(admission.admit('a', 1));
    expect(admission.admit('a', 1)).toBe('tenant_inflight_requests');
    admitted(admission.admit('b', 1));
    expect(admission.admit('c', 1)).toBe('inflight_requests');
    first.release();
    first.release();
    expect(admission.inflightRequests).toBe(2);
    admitted(admission.admit('a', 1));
    expect(admission.admit('a', 1)).toBe('inflight_requests');
  });

  it('bounds bytes, those declared and those that come undeclared', () => {
    const admission = createAdmission(limits);
    const first = admitted(admission.admit('a', 60));
    expect(admission.admit('b', 41)).toBe('inflight_bytes');
    const second = admitted(admission.admit('b', 0));
    expect(second.grow(40)).toBe(true);
    expect(second.grow(1)).toBe(false);
    expect(admission.inflightBytes).toBe(100);
    first.release();
    expect(second.grow(60)).toBe(true);
    second.release();
    expect([admission.inflightBytes, admission.inflightRequests]).toEqual([0, 0]);
  });

  it('leaves half of the bytes to the other tenants', () => {
    const admission = createAdmission({ ...limits, maxInflightRequests: 10 });
    const first = admitted(admission.admit('a', 40));
    expect(admission.admit('a', 11)).toBe('tenant_inflight_bytes');
    const second = admitted(admission.admit('a', 0));
    expect(second.grow(10)).toBe(true);
    expect(second.grow(1)).toBe(false);
    const other = admitted(admission.admit('b', 50));
    expect(admission.admit('c', 1)).toBe('inflight_bytes');
    other.release();
    first.release();
    expect(second.grow(80)).toBe(true);
    second.release();
    expect([admission.inflightBytes, admission.inflightRequests]).toEqual([0, 0]);
  });

  it('lets one request in that is alone larger than the bound', () => {
    const admission = createAdmission(limits);
    const only = admitted(admission.admit('a', 101));
    expect(admission.admit('b', 1)).toBe('inflight_bytes');
    only.release();
  });
});

describe('the rate budget', () => {
  const policyOf = () => ({
    samplesPerSecond: 10,
    burstSamples: 100,
    maxActiveSeries: 0,
    maxMetricNames: 10_000,
    maxLabels: 30,
    maxLabelNameBytes: 256,
    maxLabelValueBytes: 1_024,
    timestampPastMs: 0,
    timestampFutureMs: 0,
  });

  it('takes a burst at once, then the rate, and says how long to wait', () => {
    const clock = stillClock();
    const rate = createRateBudget(policyOf, clock);
    expect(rate.take('a', 100)).toBe(0);
    expect(rate.take('a', 1)).toBe(1);
    expect(rate.take('a', 50)).toBe(5);
    expect(rate.take('b', 100)).toBe(0);
    clock.move(4_999);
    expect(rate.take('a', 50)).toBe(1);
    clock.move(2);
    expect(rate.take('a', 50)).toBe(0);
    expect(rate.take('a', 1)).toBe(1);
  });

  it('lets a request larger than the burst pass when the bucket is full, and makes the tenant pay for it', () => {
    const clock = stillClock();
    const rate = createRateBudget(policyOf, clock);
    expect(rate.take('a', 300)).toBe(0);
    expect(rate.take('a', 1)).toBe(21);
    clock.move(20_100);
    expect(rate.take('a', 1)).toBe(0);
  });

  it('earns no more than the burst', () => {
    const clock = stillClock();
    const rate = createRateBudget(policyOf, clock);
    expect(rate.take('a', 1)).toBe(0);
    clock.move(3_600_000);
    expect(rate.take('a', 100)).toBe(0);
    expect(rate.take('a', 1)).toBe(1);
  });
});

describe('the memory of repeats', () => {
  const outcome: IngestOutcome = {
    kind: 'accepted',
    written: { samples: 1, histograms: 0, exemplars: 0 },
  };

  it('knows a body by its whole digest', () => {
    const repeats = createRepeats(10);
    repeats.remember({ key: 1, check: 2 }, outcome);
    expect(repeats.find({ key: 1, check: 2 })).toBe(outcome);
    expect(repeats.find({ key: 1, check: 3 })).toBeUndefined();
    repeats.forget({ key: 1, check: 2 });
    expect(repeats.find({ key: 1, check: 2 })).toBeUndefined();
  });

  it('remembers at least the last generation, and at most two', () => {
    const repeats = createRepeats(10);
    for (let key = 0; key < 1_000; key += 1) {
      repeats.remember({ key, check: 0 }, outcome);
      for (let back = 0; back < Math.min(10, key + 1); back += 1) {
        expect(repeats.find({ key: key - back, check: 0 })).toBe(outcome);
      }
      expect(repeats.size).toBeLessThanOrEqual(20);
    }
    expect(repeats.find({ key: 900, check: 0 })).toBeUndefined();
  });
});
