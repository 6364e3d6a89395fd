import { describe, expect, it } from 'vitest';
import { createOwnMetrics } from '../../../src/observe/index.ts';
import { createMeters, silentLogger, type Clock } from '../../../src/platform/index.ts';
import { Reader, readSeries, staleMarkerBytes } from '../../../src/wire/index.ts';

const clock: Clock = { nowMs: () => 1_700_000_000_000, monotonicMs: () => 0 };

/** The series of a request as text, each with its value; `stale` where it ends. */
function seriesIn(body: Buffer): string[] {
  const reader = new Reader(body);
  const lines: string[] = [];
  while (!reader.done) {
    expect(reader.uint32()).toBe(0x0a);
    const { at, end } = reader.message();
    const { labels, samples } = readSeries(body.subarray(at, end));
    const [[, name] = [], ...rest] = labels;
    const bits = samples[0]!.bits;
    const value = bits.equals(staleMarkerBytes) ? 'stale' : String(bits.readDoubleLE(0));
    lines.push(`${String(name)}{${rest.map(([key, text]) => `${key}="${text}"`).join()}} ${value}`);
  }
  return lines;
}

/** One turn and a stop, with all that was written and described. */
async function oneTurn(takes: (n: number) => boolean | Promise<boolean> = () => true) {
  const meters = createMeters();
  const counter = meters.counter({ name: 'jobs_total', help: 'Jobs.', labelNames: ['kind'] });
  counter.inc({ kind: 'big' }, 3);
  meters.gauge({ name: 'absent_value', help: 'Nothing yet.' }).set(NaN);
  const times = meters.histogram({ name: 'job_seconds', help: 'Time.', buckets: [1] });
  times.observe(0.5);
  const bodies: Buffer[] = [];
  const described: string[] = [];
  let isDescribed: () => void = () => undefined;
  const turned = new Promise<void>((resolve) => (isDescribed = resolve));
  const own = createOwnMetrics({
    ...{ meters, clock, log: silentLogger, intervalMs: 3_600_000 },
    target: { job: 'gaugeway', instance: 'here:1', role: 'all' },
    versions: { version: '1.2.3', node: 'v20' },
    write({ body }) {
      bodies.push(body);
      return Promise.resolve(takes(bodies.length));
    },
    describe(families) {
      described.push(...families.map(({ name, type }) => `${type} ${name}`));
      isDescribed();
      return Promise.resolve();
    },
  });
  own.start();
  await turned;
  await own.stop();
  return { bodies, described, text: await meters.text() };
}

describe('own metrics', () => {
  it('are written as a scrape would have them, with who says them', async () => {
    const { bodies } = await oneTurn();
    const series = seriesIn(bodies[0]!);
    const target = 'instance="here:1",job="gaugeway",role="all"';
    expect(series).toContain(`up{${target}} 1`);
    expect(series).toContain(
      `jobs_total{instance="here:1",job="gaugeway",kind="big",role="all"} 3`,
    );
    expect(series).toContain(
      `job_seconds_bucket{instance="here:1",job="gaugeway",le="1",role="all"} 1`,
    );
    expect(series).toContain(`job_seconds_sum{${target}} 0.5`);
    expect(series).toContain(
      `gaugeway_build_info{instance="here:1",job="gaugeway",node="v20",role="all",version="1.2.3"} 1`,
    );
  });

  it('leave out what is no number', async () => {
    const { bodies } = await oneTurn();
    expect(seriesIn(bodies[0]!).filter((line) => line.startsWith('absent_value'))).toEqual([]);
  });

  it('end with a stale marker on every series when the process stops', async () => {
    const { bodies } = await oneTurn();
    expect(bodies).toHaveLength(2);
    const [first, last] = bodies.map(seriesIn);
    expect(last).toHaveLength(first!.length);
    expect(last!.every((line) => line.endsWith(' stale'))).toBe(true);
  });

  it('are described once, with type and help', async () => {
    const { described } = await oneTurn();
    expect(described).toContain('counter jobs_total');
    expect(described).toContain('histogram job_seconds');
    expect(new Set(described).size).toBe(described.length);
  });

  it('that storage does not take are counted, and nothing else happens', async () => {
    const { text } = await oneTurn((n) => n > 1);
    expect(text).toMatch(/gaugeway_observe_samples_total{outcome="failed"} [1-9]/);
    expect(text).toMatch(/gaugeway_observe_samples_total{outcome="written"} [1-9]/);
  });
});
