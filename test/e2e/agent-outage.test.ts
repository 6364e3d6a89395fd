import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Line,
  endAgent,
  prepareAgent,
  runAgent,
  spooledTimes,
  storedSamples,
  storedTimes,
  type AgentSetting,
} from '../support/agent.ts';
import { Stage, startProduct, startStorage, until } from '../support/stage.ts';

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => stage.end());

const hostId = 'h-ac-8';

async function setOut() {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage);
  const line = await Line.to(stage, product.url);
  const key = await product.makeKey({ name: 'agent', scopes: ['write'], host_id: hostId });
  const agent = await prepareAgent(stage, { url: line.url, key, hostId });
  const stored = () => storedTimes(storage.target, hostId);
  const ticks = () => storedSamples(storage.target, hostId, 'agent_ticks_total');
  const storedSince = async (count: number) => (await stored()).length >= count;
  return { product, line, agent, stored, storedSince, ticks };
}

const waiting = (agent: AgentSetting, ticks: number) =>
  until(`${ticks} ticks wait`, () => Promise.resolve(spooledTimes(agent).length >= ticks));

type Ticks = () => Promise<readonly (readonly [number, number])[]>;

/** Each tick once and none missing: the agent numbers them. A busy machine may skip a moment, which is no loss. */
async function expectWhole(ticks: Ticks): Promise<void> {
  // Writes that are acknowledged become readable side by side: one tick may be seen before the one ahead of it.
  await until('none is missing among those that are stored', async () => {
    const numbers = (await ticks()).map(([, number]) => number);
    return new Set(numbers).size === Math.max(...numbers);
  });
  const seen = await ticks();
  expect(new Set(seen.map(([time]) => time)).size).toBe(seen.length);
  expect(new Set(seen.map(([, number]) => number)).size).toBe(seen.length);
}

describe('AC-BE-008: agent buffers locally when the network is down; retries on reconnect (no data loss)', () => {
  it('brings every tick of a line that refuses and then swallows, each once', async () => {
    const { line, agent, stored, storedSince, ticks } = await setOut();
    await runAgent(stage, agent);
    await until('three ticks are stored', () => storedSince(3));
    await line.refuse();
    await waiting(agent, 5);
    await line.restore();
    line.swallow();
    await waiting(agent, 15);
    const owed = spooledTimes(agent);
    await line.restore();
    await until('all that waited is stored', async () => {
      const times = new Set(await stored());
      return owed.every((time) => times.has(time)) && spooledTimes(agent).length === 0;
    });
    await expectWhole(ticks);
  });

  it('brings every buffered tick over kill -9 of the agent in the outage and in the catching up', async () => {
    const { line, agent, stored, storedSince } = await setOut();
    const first = await runAgent(stage, agent);
    await until('a tick is stored', () => storedSince(1));
    await line.refuse();
    await waiting(agent, 10);
    await endAgent(first, 'SIGKILL');
    const owed = new Set(spooledTimes(agent));

    const second = await runAgent(stage, agent);
    await waiting(agent, 20);
    const before = (await stored()).length;
    for (const time of spooledTimes(agent)) owed.add(time);
    await line.restore();
    await until('catching up has begun', () => storedSince(before + 3));
    await endAgent(second, 'SIGKILL');
    for (const time of spooledTimes(agent)) owed.add(time);

    await runAgent(stage, agent);
    await until('the buffer is empty', () => Promise.resolve(spooledTimes(agent).length === 0));
    await until('all that was buffered is stored', async () => {
      const times = new Set(await stored());
      return [...owed].every((time) => times.has(time));
    });
    const times = await stored();
    expect(new Set(times).size).toBe(times.length);
    expect(owed.size).toBeGreaterThanOrEqual(20);
  });

  it('brings every tick of a server that is killed and comes back', async () => {
    const { product, agent, stored, storedSince, ticks } = await setOut();
    await runAgent(stage, agent);
    await until('three ticks are stored', () => storedSince(3));
    await product.kill('SIGKILL');
    await waiting(agent, 5);
    const owed = spooledTimes(agent);
    await product.restart();
    await until('all that waited is stored', async () => {
      const times = new Set(await stored());
      return owed.every((time) => times.has(time)) && spooledTimes(agent).length === 0;
    });
    await expectWhole(ticks);
  });
});
