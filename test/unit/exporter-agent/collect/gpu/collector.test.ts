import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createGpuCollector } from '../../../../../exporter-agent/collect/gpu/collector.ts';
import type { StartTool, ToolEvents } from '../../../../../exporter-agent/collect/gpu/tool.ts';

const first = 'GPU-6f1c9a52-0b1d-4f0e-8c55-3d2f6a7b9e01';
const second = 'GPU-a2b3c4d5-1111-2222-3333-444455556666';
const recorded = (name: string) =>
  readFileSync(new URL(`../../../../fixtures/gpu/${name}.csv`, import.meta.url), 'utf8').trimEnd();

interface Started extends ToolEvents {
  args: readonly string[];
  stopped: boolean;
}

function setUp(options: { absent?: boolean } = {}) {
  const started: Started[] = [];
  let nowMs = 0;
  let finds = 0;
  const start: StartTool = (args, events) => {
    const tool: Started = { ...events, args, stopped: false };
    started.push(tool);
    return { stop: () => void (tool.stopped = true) };
  };
  const comms: Record<string, string> = { '10': 'train', '11': 'train', '12': 'serve' };
  const collector = createGpuCollector({
    procfs: {
      readOnce: (path) => {
        const comm = comms[path.split('/')[0]!];
        if (comm === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
        return `${comm}\n`;
      },
    },
    find: () => {
      finds += 1;
      return options.absent === true ? undefined : start;
    },
    monotonicMs: () => nowMs,
  });
  const of = (query: string) => started.filter(({ args }) => args[2]?.includes(query));
  return {
    collector,
    started,
    gpus: () => of('--query-gpu'),
    apps: () => of('--query-compute-apps'),
    finds: () => finds,
    say: (tool: Started | undefined, text: string) => {
      for (const line of text.split('\n')) tool?.line(line);
    },
    collect(afterMs = 5_000, intervalMs = 5_000) {
      nowMs += afterMs;
      const shown: Record<string, number> = {};
      const outcome = collector.collect(
        { wallMs: nowMs, monotonicMs: nowMs, intervalMs, bootId: 'b' },
        (name, value, labels = []) => {
          if (Number.isNaN(value)) return;
          shown[`${name} ${labels.map(([, text]) => text).join(' ')}`] = value;
        },
      );
      return { shown, outcome };
    },
  };
}

function running(recording = 'a100-pair') {
  const t = setUp();
  t.collect();
  t.say(t.gpus()[0], recorded(recording));
  return t;
}

describe('cards', () => {
  it('are told as the tool tells them, in MiB, degrees and watts', () => {
    const t = running('geforce');
    const card = `0 ${first} NVIDIA GeForce RTX 2080 SUPER`;
    expect(t.collect().shown).toEqual({
      [`gpu_utilization ${card}`]: 12,
      [`gpu_memory_used_mb ${card}`]: 1_045,
      [`gpu_memory_total_mb ${card}`]: 8_192,
      [`gpu_temperature_c ${card}`]: 47,
      [`gpu_power_w ${card}`]: 35.12,
    });
  });

  it('under MIG have no utilisation rather than 0', () => {
    const names = Object.keys(running('h100-mig').collect().shown).join();
    expect(names).not.toContain('gpu_utilization');
    expect(names).toContain('gpu_memory_used_mb');
  });

  it('are read by one tool that is kept running, at the interval in force', () => {
    const t = running();
    for (let tick = 0; tick < 3; tick += 1) {
      t.say(t.gpus()[0], recorded('a100-pair'));
      t.collect();
    }
    expect(t.started.map(({ args }) => args.slice(0, 2))).toEqual([
      ['-l', '5'],
      ['-l', '15'],
    ]);
    t.collect(5_000, 1_000);
    expect([t.gpus()[0]?.stopped, t.gpus()[1]?.args[1]]).toEqual([true, '1']);
  });

  it('that fall silent are forgotten, the others stay', () => {
    const t = running();
    for (let tick = 0; tick < 4; tick += 1) {
      t.collect();
      t.say(t.gpus()[0], recorded('geforce'));
    }
    const names = Object.keys(t.collect().shown).join();
    expect(names).toContain(first);
    expect(names).not.toContain(second);
  });
});

describe('programs on a card', () => {
  it('are told by name with the pid of the largest, and give their memory to the process list', () => {
    const t = running();
    t.collect();
    t.say(t.apps()[0], `${first}, 10, 100\n${first}, 11, 300\n${second}, 11, 50\n${first}, 12, 7`);
    expect(t.collect().shown).toMatchObject({
      [`gpu_process_pid 0 ${first} train`]: 11,
      [`gpu_process_pid 0 ${first} serve`]: 12,
      [`gpu_process_pid 1 ${second} train`]: 11,
    });
    expect(t.collector.useOf(11)).toEqual({ memoryMib: 350, gpuIndex: 0 });
    expect(t.collector.useOf(99)).toBeUndefined();
  });

  it('are not named when this host does not show them, and their memory is not guessed', () => {
    const t = running();
    t.say(t.apps()[0], `${first}, 77, 100\n${first}, 10, [N/A]`);
    const { shown } = t.collect();
    expect(Object.keys(shown).filter((name) => name.startsWith('gpu_process_pid'))).toEqual([
      `gpu_process_pid 0 ${first} train`,
    ]);
    expect(t.collector.useOf(10)).toBeUndefined();
  });

  it('are replaced by the next reading, and gone when nothing is printed any more', () => {
    const t = running();
    t.say(t.apps()[0], `${first}, 10, 100`);
    t.say(t.gpus()[0], recorded('a100-pair'));
    t.collect(15_000);
    t.say(t.apps()[0], `${first}, 12, 7`);
    expect([t.collector.useOf(10), t.collector.useOf(12)?.memoryMib]).toEqual([undefined, 7]);
    for (let tick = 0; tick < 8; tick += 1) {
      t.say(t.gpus()[0], recorded('a100-pair'));
      t.collect();
    }
    expect(t.collector.useOf(12)).toBeUndefined();
    // No program is no fault: the tool is not started again.
    expect(t.apps()).toHaveLength(1);
  });

  it('are masked by policy, and not asked for where no processes are wanted', () => {
    const t = running();
    t.say(t.apps()[0], `${first}, 10, 100`);
    t.collector.follow(() => ({ topN: 10, mask: true }));
    expect(JSON.stringify(t.collect().shown)).not.toContain('train');
    t.collector.follow(() => ({ topN: 0, mask: false }));
    expect(JSON.stringify(t.collect().shown)).not.toContain('gpu_process_pid');
    expect(t.apps()[0]?.stopped).toBe(true);
  });
});

describe('switched off and on again', () => {
  it('ends the tools, forgets what they told, and starts anew', () => {
    const t = running();
    t.say(t.apps()[0], `${first}, 10, 100`);
    t.collector.stop();
    expect(t.started.map(({ stopped }) => stopped)).toEqual([true, true]);
    expect(t.collector.useOf(10)).toBeUndefined();
    expect(t.collect().outcome).toBe('not-yet');
    t.say(t.gpus()[1], recorded('a100-pair'));
    expect(t.collect().outcome).toBe('ok');
  });
});

describe('without a working tool', () => {
  it('nothing is started where there is none, and it is looked for again', () => {
    const t = setUp({ absent: true });
    for (let tick = 0; tick < 130; tick += 1) expect(t.collect().outcome).toBe('not-on-this-host');
    expect([t.started.length, t.finds()]).toEqual([0, 2]);
  });

  it('one that hangs is ended after three intervals, its figures with it, and tried again later', () => {
    const t = running();
    t.collect();
    expect(() => t.collect(16_000)).toThrow('nvidia-smi says nothing');
    expect(t.started.map(({ stopped }) => stopped)).toEqual([true, true]);
    expect(() => t.collect(25_000)).toThrow();
    expect(t.gpus()).toHaveLength(1);
    expect(() => t.collect(10_000)).toThrow();
    expect(t.gpus()).toHaveLength(2);
    t.say(t.gpus()[1], recorded('a100-pair'));
    expect(t.collect().outcome).toBe('ok');
  });

  it('one that needs long for its first answer is waited for', () => {
    const t = setUp();
    for (let tick = 0; tick < 6; tick += 1) expect(t.collect().outcome).toBe('not-yet');
    expect(t.collector.isStarting()).toBe(true);
    t.say(t.gpus()[0], recorded('geforce'));
    expect(t.collect().outcome).toBe('ok');
    expect(t.collector.isStarting()).toBe(false);
  });

  it('one that fails is tried five times, ever more seldom, then left alone; its words are told', () => {
    const t = setUp();
    t.collect();
    const startedAtMs: number[] = [];
    for (let second = 0; second < 7_200; second += 5) {
      const { length } = startedAtMs;
      if (t.gpus().length > length) {
        startedAtMs.push(second);
        t.say(t.gpus().at(-1), recorded('no-driver'));
        t.gpus().at(-1)?.end();
      }
      expect(() => t.collect()).toThrow("couldn't communicate with the NVIDIA driver");
    }
    const waits = startedAtMs.slice(1).map((at, n) => at - startedAtMs[n]!);
    expect(waits).toEqual([30, 60, 120, 240]);
    expect(t.collector.isStarting()).toBe(false);
  });

  it('one that worked before is never given up', () => {
    const t = running();
    let starts = 1;
    t.gpus()[0]?.end();
    for (let second = 0; second < 7_200; second += 5) {
      expect(() => t.collect()).toThrow('nvidia-smi ended');
      if (t.gpus().length > starts) {
        starts += 1;
        t.gpus().at(-1)?.end();
      }
    }
    expect(starts).toBeGreaterThan(10);
  });

  it('a start that throws counts as a failure', () => {
    const t = createGpuCollector({
      procfs: { readOnce: () => '' },
      find: () => () => {
        throw new Error('no memory');
      },
      monotonicMs: () => 0,
    });
    const tick = { wallMs: 0, monotonicMs: 0, intervalMs: 5_000, bootId: 'b' };
    expect(() => t.collect(tick, () => undefined)).toThrow('nvidia-smi ended');
  });
});
