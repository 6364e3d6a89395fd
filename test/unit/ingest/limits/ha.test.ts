import { describe, expect, it } from 'vitest';
import { createHaElection, type HaElection } from '../../../../src/ingest/limits/ha.ts';
import { silentLogger } from '../../../../src/platform/index.ts';
import { memoryHaStore, stillClock } from '../../../support/ingest.ts';

function gateway(store = memoryHaStore(), clock = stillClock()) {
  const options = {
    clusterLabel: 'cluster',
    replicaLabel: '__replica__',
    failoverMs: 30_000,
    maxClustersPerTenant: 3,
  };
  return { store, clock, ha: createHaElection({ store, clock, log: silentLogger, options }) };
}

const from = (ha: HaElection, replica: string, cluster = 'c', tenant = 't') =>
  Promise.resolve(ha.decide(tenant, cluster, replica));

describe('the election between HA replicas', () => {
  it('takes the first replica and leaves the other, asking the store once', async () => {
    const { ha, store } = gateway();
    expect(await from(ha, 'a')).toBe('take');
    expect(await from(ha, 'b')).toBe('leave');
    expect(ha.decide('t', 'c', 'a')).toBe('take');
    expect(ha.decide('t', 'c', 'b')).toBe('leave');
    expect(store.claims).toBe(1);
    expect(ha.list('t')).toMatchObject([{ cluster: 'c', replica: 'a' }]);
    expect(ha.list('other')).toEqual([]);
  });

  it('takes the other after 30 s of silence, not before, and does not go back', async () => {
    const { ha, clock } = gateway();
    await from(ha, 'a');
    clock.move(30_000);
    expect(await from(ha, 'b')).toBe('leave');
    clock.move(1);
    expect(await from(ha, 'b')).toBe('take');
    expect(await from(ha, 'a')).toBe('leave');
  });

  it('keeps a leader that goes on sending', async () => {
    const { ha, clock } = gateway();
    for (let i = 0; i < 10; i += 1) {
      expect(await from(ha, 'a')).toBe('take');
      expect(await from(ha, 'b')).toBe('leave');
      clock.move(29_000);
    }
  });

  it('gives two gateways that ask at once the same leader', async () => {
    const store = memoryHaStore();
    const clock = stillClock();
    const [first, second] = [gateway(store, clock), gateway(store, clock)];
    const decisions = await Promise.all([from(first.ha, 'a'), from(second.ha, 'b')]);
    expect(decisions.filter((decision) => decision === 'take')).toHaveLength(1);
    expect(first.ha.list('t')[0]?.replica).toBe(second.ha.list('t')[0]?.replica);
  });

  it('a gateway that hears only the loser learns from the store that the leader lives', async () => {
    const store = memoryHaStore();
    const clock = stillClock();
    const [first, second] = [gateway(store, clock), gateway(store, clock)];
    await from(first.ha, 'a');
    expect(await from(second.ha, 'b')).toBe('leave');
    clock.move(25_000);
    await from(first.ha, 'a');
    await first.ha.flush();
    clock.move(20_000);
    expect(await from(second.ha, 'b')).toBe('leave');
    clock.move(31_000);
    expect(await from(second.ha, 'b')).toBe('take');
  });

  it('decides alone while the store is away: the known leader stays, an unknown cluster gets one', async () => {
    const { ha, store, clock } = gateway();
    await from(ha, 'a');
    store.isDown = true;
    expect(await from(ha, 'b')).toBe('leave');
    expect(await from(ha, 'x', 'other')).toBe('take');
    expect(await from(ha, 'y', 'other')).toBe('leave');
    clock.move(30_001);
    expect(await from(ha, 'b')).toBe('take');
    await expect(ha.flush()).rejects.toThrow();
  });

  it('keeps clusters and tenants apart', async () => {
    const { ha } = gateway();
    expect(await from(ha, 'a', 'c', 't')).toBe('take');
    expect(await from(ha, 'b', 'd', 't')).toBe('take');
    expect(await from(ha, 'b', 'c', 'u')).toBe('take');
  });

  it('passes pairs beyond the bound undecided, and remembers none of them', async () => {
    const { ha, store } = gateway();
    for (const cluster of ['c1', 'c2', 'c3', 'c4', 'c5']) await from(ha, 'a', cluster);
    expect(await from(ha, 'b', 'c4')).toBe('take');
    expect(await from(ha, 'b', 'c3')).toBe('leave');
    expect(ha.list('t')).toHaveLength(3);
    expect(store.claims).toBe(3);
  });
});
