import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReadTier, TierName } from '../../../src/query/index.ts';
import { createVictoriaClient } from '../../../src/storage/victoria/client.ts';
import { createVictoriaReader } from '../../../src/storage/victoria/reader.ts';
import { startVictoria, type Peer } from '../../support/peers.ts';
import { startPrometheusApi, type PrometheusApi } from '../../support/prometheus-api.ts';
import { aggregates, type TierSample } from '../../support/tier-samples.ts';

const minute = 60_000;
const hour = 60 * minute;
const stepMs = 5_000;
/** On a grid that all tiers share. */
const untilMs = Math.floor((Date.now() - minute) / hour) * hour + 10 * minute;
const kept = { raw: hour, '1m': 3 * hour, '5m': 8 * hour };
const api = { tiered: {} as PrometheusApi, whole: {} as PrometheusApi, holed: {} as PrometheusApi };
const peers: Peer[] = [];

type Labels = Record<string, string>;
interface Stored {
  labels: Labels;
  points: readonly TierSample[];
}

const times = Array.from({ length: kept['5m'] / stepMs }, (_, i) => untilMs - i * stepMs).reverse();
const resets = [times[700], times[2_000], times[5_300]];

/** A gauge that goes up and down, and a counter that is begun anew three times. */
const samples = (['a', 'b'] as const).flatMap((host, n): Stored[] => {
  let count = 0;
  const counted = times.map((at, i): TierSample => {
    count = resets.includes(at) ? 0 : count + ((i * 7 + n) % 5);
    return [at, count];
  });
  // Some windows have fewer samples than others.
  const level = times
    .map((at, i): TierSample => [at, 50 + 30 * Math.sin(i / 40 + n) + (i % 3)])
    .filter((_, i) => i % 40 > 20 || i % 3 === 0);
  const labels = { host_id: host, tenant: 'a' };
  return [
    { labels: { __name__: 'level', ...labels }, points: level },
    { labels: { __name__: 'work_total', ...labels }, points: counted },
  ];
});

async function store(peer: Peer, all: readonly Stored[]): Promise<void> {
  const lines = all.map(({ labels, points }) =>
    JSON.stringify({
      metric: labels,
      timestamps: points.map(([at]) => at),
      values: points.map(([, value]) => value),
    }),
  );
  const answer = await fetch(`${peer.url}/api/v1/import`, {
    method: 'POST',
    body: lines.join('\n'),
  });
  expect(answer.ok).toBe(true);
  await fetch(`${peer.url}/internal/force_flush`);
}

async function tierOf(name: TierName, step: number, sinceMs: number): Promise<ReadTier> {
  const peer = await startVictoria();
  peers.push(peer);
  const all = samples.flatMap(({ labels, points }) => {
    const { __name__: metric = '', ...rest } = labels;
    const kind = metric.endsWith('_total') ? 'counter' : 'gauge';
    return aggregates(points, { stepMs: step, kind }).map(([suffix, own]) => ({
      labels: { __name__: metric + suffix, ...rest },
      points: own.filter(([at]) => at >= sinceMs),
    }));
  });
  await store(peer, all);
  return {
    ...{ name, stepMs: step, keptMs: () => kept[name] + Date.now() - untilMs },
    filledUntilMs: () => untilMs,
    reader: createVictoriaReader(createVictoriaClient({ baseUrl: peer.url })),
  };
}

beforeAll(async () => {
  const [recent, everything] = [await startVictoria(), await startVictoria()];
  peers.push(recent, everything);
  await store(everything, samples);
  await store(
    recent,
    samples.map(({ labels, points }) => ({
      labels,
      points: points.filter(([at]) => at > untilMs - kept.raw),
    })),
  );
  const tiers = [
    await tierOf('1m', minute, untilMs - kept['1m']),
    await tierOf('5m', 5 * minute, untilMs - kept['5m']),
  ];
  const keptMs = kept.raw + Date.now() - untilMs;
  api.tiered = await startPrometheusApi({ victoriaUrl: recent.url, tiers, keptMs });
  api.whole = await startPrometheusApi({ victoriaUrl: everything.url });
  const dead = createVictoriaReader(createVictoriaClient({ baseUrl: 'http://127.0.0.1:9' }));
  const holed = tiers.map((tier) => (tier.name === '1m' ? { ...tier, reader: dead } : tier));
  api.holed = await startPrometheusApi({ victoriaUrl: recent.url, tiers: holed, keptMs });
}, 60_000);
afterAll(async () => {
  for (const server of Object.values(api)) await server.stop();
  for (const peer of peers) await peer.stop();
});

interface Answer {
  data: { result: { metric: Labels; values: [number, string][]; value: [number, string] }[] };
  warnings?: string[];
}

async function ask(of: PrometheusApi, path: string, args: Record<string, string>): Promise<Answer> {
  const headers = { authorization: `Basic ${btoa('any:a')}` };
  const url = `${of.url}/api/v1/${path}?${new URLSearchParams(args).toString()}`;
  const answer = await fetch(url, { headers });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Answer;
}

const range = (of: PrometheusApi, query: string, startMs: number, step: number): Promise<Answer> =>
  ask(of, 'query_range', {
    ...{ query, start: String(startMs / 1_000), end: String(untilMs / 1_000) },
    step: String(step / 1_000),
  });
const instant = (of: PrometheusApi, query: string, atMs = untilMs): Promise<Answer> =>
  ask(of, 'query', { query, time: String(atMs / 1_000) });

/** Values by host and second. */
const pointsOf = ({ data }: Answer): Map<string, number> =>
  new Map(
    data.result.flatMap(({ metric, values = [], value }) =>
      (values.length > 0 ? values : [value]).map(([at, text]) => [
        `${metric['host_id'] ?? ''} ${at}`,
        Number(text),
      ]),
    ),
  );

function expectClose(seen: Answer, wanted: Answer, within = 1e-9): void {
  const [left, right] = [pointsOf(seen), pointsOf(wanted)];
  expect([...left.keys()].sort()).toEqual([...right.keys()].sort());
  expect(right.size).toBeGreaterThan(0);
  for (const [key, value] of right) {
    const off = Math.abs((left.get(key) ?? NaN) - value);
    expect([key, off <= within * Math.max(1, Math.abs(value))]).toEqual([key, true]);
  }
}

describe('a range over all tiers', () => {
  it('has every moment once, without a hole at the borders', async () => {
    const startMs = untilMs - 7 * hour;
    for (const query of ['level', 'sum(level)', 'rate(work_total[15m])']) {
      const { data, warnings } = await range(api.tiered, query, startMs, 5 * minute);
      expect([query, warnings]).toEqual([query, undefined]);
      const expected = Array.from({ length: 85 }, (_, i) => (startMs + i * 5 * minute) / 1_000);
      for (const { values } of data.result) expect(values.map(([at]) => at)).toEqual(expected);
      expect(data.result).toHaveLength(query.startsWith('sum') ? 1 : 2);
    }
  });

  it.each(['avg', 'min', 'max', 'sum', 'count'])(
    'has the %s of the samples themselves, also across the borders',
    async (kind) => {
      const query = `${kind}_over_time(level[30m])`;
      const startMs = untilMs - 7 * hour;
      const seen = await range(api.tiered, query, startMs, 5 * minute);
      expect(seen.warnings).toBeUndefined();
      expectClose(seen, await range(api.whole, query, startMs, 5 * minute));
    },
  );

  it('has the increase of counters across resets', async () => {
    const query = 'increase(work_total[1h])';
    const startMs = untilMs - 6 * hour;
    const seen = await range(api.tiered, query, startMs, 15 * minute);
    // A window begins between two aggregates: of 720 steps one may be on either side.
    expectClose(seen, await range(api.whole, query, startMs, 15 * minute), 0.01);
  });

  it('keeps to the whole range with @ start() and @ end()', async () => {
    const query = 'level - level @ end()';
    const seen = await range(api.tiered, query, untilMs - 2 * hour, 5 * minute);
    const last = seen.data.result[0]?.values.at(-1);
    expect(Number(last?.[1])).toBe(0);
    expect(seen.data.result[0]?.values).toHaveLength(25);
  });

  it('says what is missing where a tier does not answer, and answers the rest', async () => {
    const startMs = untilMs - 7 * hour;
    const { data, warnings = [] } = await range(api.holed, 'level', startMs, 5 * minute);
    expect(warnings).toEqual([
      expect.stringMatching(/^\S+Z to \S+Z is missing: the storage of 1m does not answer$/),
    ]);
    const [from, to] = (warnings[0] ?? '')
      .split(' to ')
      .map((text) => Date.parse(text.split(' ')[0] ?? ''));
    const had = data.result[0]?.values.map(([at]) => at * 1_000) ?? [];
    for (let at = startMs; at <= untilMs; at += 5 * minute) {
      const isHole = at >= (from ?? NaN) && at <= (to ?? NaN);
      expect([at, had.includes(at)]).toEqual([at, !isHole]);
    }
    expect(had.length).toBeLessThan(85);
  });

  it('says which functions were given averages', async () => {
    const { warnings } = await range(
      api.tiered,
      'quantile_over_time(0.9, level[10m])',
      untilMs - 2 * hour,
      minute,
    );
    expect(warnings).toEqual(['quantile_over_time needs samples, and was given averages of 1m']);
  });
});

describe('an instant query', () => {
  it('is answered from the tier that still holds its window', async () => {
    for (const query of [
      'avg_over_time(level[2h])',
      'max_over_time(level[6h])',
      'sum(sum_over_time(level[7h]))',
    ]) {
      const seen = await instant(api.tiered, query);
      expect([query, seen.warnings]).toEqual([query, undefined]);
      expectClose(seen, await instant(api.whole, query));
    }
    expectClose(
      await instant(api.tiered, 'increase(work_total[7h])'),
      await instant(api.whole, 'increase(work_total[7h])'),
      0.01,
    );
    expectClose(
      await instant(api.tiered, 'max_over_time(avg_over_time(level[30m])[4h:30m])'),
      await instant(api.whole, 'max_over_time(avg_over_time(level[30m])[4h:30m])'),
    );
  });

  it('in the past is answered from the tier that holds that time, and before all of them not at all', async () => {
    const atMs = untilMs - 5 * hour;
    expect((await instant(api.tiered, 'level', atMs)).data.result).toHaveLength(2);
    expect((await instant(api.tiered, 'level:max', atMs)).data.result).toHaveLength(2);
    expect((await instant(api.tiered, 'level', untilMs - 9 * hour)).data.result).toEqual([]);
  });

  it('says what is newer than the tier', async () => {
    const { warnings = [] } = await instant(
      api.tiered,
      'avg_over_time(level[2h])',
      untilMs + 20 * minute,
    );
    expect(warnings).toEqual([expect.stringContaining('is not yet among the averages of 1m')]);
  });
});

describe('lists', () => {
  const since = { start: String((untilMs - 7 * hour) / 1_000), end: String(untilMs / 1_000) };

  it('have what is in any tier, without the names of aggregates', async () => {
    const names = await ask(api.tiered, 'label/__name__/values', since);
    expect(names.data).toEqual(['level', 'work_total']);
    const series = await ask(api.tiered, 'series', { ...since, 'match[]': '{host_id="a"}' });
    expect(series.data).toHaveLength(2);
    expect((await ask(api.tiered, 'labels', since)).data).toEqual(['__name__', 'host_id']);
  });

  it('say which tier does not answer', async () => {
    const { warnings } = await ask(api.holed, 'label/__name__/values', since);
    expect(warnings).toEqual(['names are missing: the storage of 1m does not answer']);
  });
});
