import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../support/scraped.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../../support/stage.ts';

interface Rule {
  name: string;
  health: string;
  lastError?: string;
  state: string;
  lastEvaluation: string;
}

interface Groups {
  groups: { file: string; rules: Rule[] }[];
}

const stage = new Stage();
let product: Product;
const evaluations = new Map<string, Set<string>>();

const rules = async (): Promise<Rule[]> =>
  (await ask<Groups>(product, '/api/v1/rules')).groups.flatMap((group) => group.rules);

beforeAll(async () => {
  product = await startProduct(stage, await startStorage(stage), {
    GAUGEWAY_OBSERVE_OWN: 'true',
    GAUGEWAY_OBSERVE_INTERVAL: '1s',
  });
  await until(
    'every shipped rule was evaluated twice',
    async () => {
      const all = await rules();
      for (const { name, lastEvaluation } of all) {
        if (Date.parse(lastEvaluation) <= 0) continue;
        evaluations.set(name, (evaluations.get(name) ?? new Set()).add(lastEvaluation));
      }
      return all.length > 15 && all.every(({ name }) => (evaluations.get(name)?.size ?? 0) >= 2);
    },
    180_000,
  );
}, 240_000);
afterAll(() => stage.end());

describe('the shipped rules on a fresh installation', () => {
  it('are all evaluated without an error', async () => {
    const ill = (await rules()).filter(({ health }) => health !== 'ok');
    expect(ill.map(({ name, lastError }) => [name, lastError])).toEqual([]);
  });

  it('fire nothing but the watchdog', async () => {
    const loud = (await rules()).filter(({ state }) => state === 'firing');
    expect(loud.map(({ name }) => name)).toEqual(['Watchdog']);
  });
});
