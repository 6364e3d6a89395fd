import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareAgent, runAgent, storedSamples, storedTimes } from '../support/agent.ts';
import { median, Stage, startProduct, startStorage, until } from '../support/stage.ts';

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => stage.end());

interface Answer {
  data: { result: { value: [number, string] }[] };
}

describe('AC-BE-001: agent sends metrics every 5 s; ingest accepts and stores 100 % within 2 s', () => {
  it('holds for each of its series over six ticks', async () => {
    const storage = await startStorage(stage);
    const product = await startProduct(stage, storage);
    const key = await product.makeKey({ name: 'agent', scopes: ['write'], host_id: 'h-ac-1' });
    const agent = await prepareAgent(stage, {
      url: product.url,
      key,
      hostId: 'h-ac-1',
      env: { GAUGEWAY_AGENT_INTERVAL_SECONDS: '5' },
    });
    const value = async (query: string): Promise<number | undefined> => {
      // Each with a time of its own: what is asked for is the storage, not the cache of answers before it.
      const parameters = new URLSearchParams({ query, time: String(Date.now() / 1000) });
      const response = await fetch(`${product.url}/api/v1/query?${parameters.toString()}`, {
        headers: { authorization: `Bearer ${product.readKey}` },
      });
      const result = ((await response.json()) as Answer).data.result[0];
      return result === undefined ? undefined : Number(result.value[1]);
    };

    // The time at which each tick could first be read, by the time the tick says of itself.
    const readableAt = new Map<number, number>();
    await runAgent(stage, agent);
    await until('six ticks can be read', async () => {
      const tick = await value('agent_heartbeat_timestamp_seconds{host_id="h-ac-1"}');
      if (tick !== undefined && !readableAt.has(tick)) readableAt.set(tick, Date.now() / 1000);
      return readableAt.size >= 6;
    });

    const ticks = [...readableAt.keys()];
    // Medians: a busy machine holds up some of them, a way that takes longer would hold up all.
    const delays = [...readableAt].map(([tick, seenAt]) => seenAt - tick);
    expect(median(delays)).toBeLessThan(2);
    const gaps = ticks.slice(2).map((tick, i) => tick - ticks[i + 1]!);
    expect(median(gaps)).toBeCloseTo(5, 0);
    // Those that are there from the first tick on: not rates.
    for (const metric of ['cpu_load1', 'mem_used_pct', 'agent_self_rss_bytes']) {
      // The newest of them is exported a moment after it can be read.
      await until(`each tick of ${metric} is stored`, async () => {
        const times = await storedTimes(storage.target, 'h-ac-1', metric);
        return ticks.every((tick) => times.includes(Math.round(tick * 1000)));
      });
    }
    expect(await value('agent_unwritten_samples_total{host_id="h-ac-1"}')).toBe(0);
    expect(await value('agent_spool_batches{host_id="h-ac-1"}')).toBe(0);
    expect(await value('agent_dropped_batches_total{host_id="h-ac-1"}')).toBeUndefined();
    // By what is stored and not by what was seen: a busy machine looks away for longer than a tick.
    await until('a tick tells that every one before it was acknowledged', async () => {
      const sent = await storedSamples(storage.target, 'h-ac-1', 'agent_sent_batches_total');
      sent.sort(([a], [b]) => a - b);
      return sent.at(-1)![1] === sent.length - 1;
    });
  });
});
