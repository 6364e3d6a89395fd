import { describe, expect, it } from 'vitest';
import type { Collector, CollectorName } from '../../../../exporter-agent/collect/collector.ts';
import type { HostCollectors } from '../../../../exporter-agent/collect/registry.ts';
import { createRunning, shareCalls } from '../../../../exporter-agent/collect/running.ts';
import type { RemoteConfig } from '../../../../exporter-agent/config/remote.ts';

const collector = (name: CollectorName): Collector => ({
  ...{ name, emits: [], collect: () => 'ok' },
});

/** Collectors that only have names, and remember the policy they follow. */
function host(names: CollectorName[]) {
  const list = names.map(collector);
  const followed: { topN: number; mask: boolean }[] = [];
  const processes = list.find(({ name }) => name === 'processes');
  const gpu = Object.assign(list.find(({ name }) => name === 'gpu') ?? collector('gpu'), {
    isStopped: false,
    follow: () => undefined,
    stop: () => void (gpu.isStopped = true),
  });
  const built = {
    list,
    without: (off: readonly string[]) => list.filter(({ name }) => !off.includes(name)),
    filesystem: { stuckMounts: () => names.length },
    processes: Object.assign(processes ?? collector('processes'), {
      follow: (policy: () => { topN: number; mask: boolean }) => followed.push(policy()),
      snapshot: () => ({ pid: 1 }),
    }),
    gpu,
  };
  return { built: built as unknown as HostCollectors, followed, gpu };
}

function setUp(remote?: RemoteConfig, names: CollectorName[] = ['cpu', 'processes', 'kernel']) {
  const core = host(names);
  const lean = host(['cpu', 'processes']);
  const asked: string[] = [];
  const running = createRunning({
    ...{ first: core.built, profile: 'core', remote: () => remote },
    build: (profile) => {
      asked.push(profile);
      return lean.built;
    },
    own: (nodeNames) => [collector('self'), ...(nodeNames ? [collector('uname')] : [])],
  });
  running.choose(remote);
  return { running, asked, core, lean, names: () => running.list().map(({ name }) => name) };
}

describe('the collectors that run', () => {
  it("are the operator's where the server set nothing", () => {
    const { running, names, core } = setUp();
    expect(names()).toEqual(['cpu', 'processes', 'kernel', 'self', 'uname']);
    expect(running.nodeNames()).toBe(true);
    expect(core.followed).toEqual([{ topN: 10, mask: false }]);
  });

  it('are without those that the server switched off, whatever else it named', () => {
    const { running, names } = setUp();
    running.choose({ version: '1', collectorsOff: ['cpu', 'processes', 'of-tomorrow'] });
    expect(names()).toEqual(['kernel', 'self', 'uname']);
    expect(running.topProcesses()).toBeNull();
    running.choose({ version: '2' });
    expect(names()).toContain('cpu');
    expect(running.topProcesses()).not.toBeNull();
  });

  it('begin anew with another profile, and only then', () => {
    const { running, names, asked, lean } = setUp();
    running.choose({ version: '1', profile: 'lean' });
    running.choose({ version: '2', profile: 'lean', intervalSeconds: 9 });
    expect(asked).toEqual(['lean']);
    expect(names()).toEqual(['cpu', 'processes', 'self']);
    expect(running.nodeNames()).toBe(false);
    expect(running.stuckMounts()).toBe(2);
    expect(lean.followed).toHaveLength(1);
  });

  it('leave no tool for cards running when they are switched off, replaced or ended', () => {
    const switched = setUp(undefined, ['cpu', 'gpu']);
    expect(switched.core.gpu.isStopped).toBe(false);
    switched.running.choose({ version: '1', gpu: false });
    expect(switched.core.gpu.isStopped).toBe(true);
    const replaced = setUp(undefined, ['cpu', 'gpu']);
    replaced.running.choose({ version: '1', profile: 'lean' });
    expect(replaced.core.gpu.isStopped).toBe(true);
    const ended = setUp(undefined, ['cpu', 'gpu']);
    ended.running.stop();
    expect(ended.core.gpu.isStopped).toBe(true);
  });

  it('tell as many processes, and as masked, as the server set', () => {
    const { core } = setUp({ version: '1', topN: 3, maskProcessNames: true });
    expect(core.followed).toEqual([{ topN: 3, mask: true }]);
  });
});

describe('shared calls', () => {
  it('do not hang a second thread on a mount that hangs, and begin anew when it is over', async () => {
    const ends: (() => void)[] = [];
    const call = shareCalls(() => new Promise<void>((end) => ends.push(end)));
    const both = [call('/mnt'), call('/mnt')];
    void call('/other');
    expect(ends).toHaveLength(2);
    ends[0]?.();
    await Promise.all(both);
    void call('/mnt');
    expect(ends).toHaveLength(3);
  });
});
