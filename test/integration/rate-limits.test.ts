import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caller, type Call } from '../support/rest.ts';
import { Stage, startProduct, startStorage, type Product } from '../support/stage.ts';

const stage = new Stage();
let one: Product;
let two: Product;
let storage: Awaited<ReturnType<typeof startStorage>>;

/** What the product has where nobody says otherwise. */
const limited = {
  GAUGEWAY_RATE_LIMITS_VIEWER_READS: '60',
  GAUGEWAY_RATE_LIMITS_OPERATOR_WRITES: '30',
  GAUGEWAY_RATE_LIMITS_KEY: '1200',
  GAUGEWAY_RATE_LIMITS_ADDRESS: '120',
  GAUGEWAY_SIGNING_KEY: Buffer.alloc(32, 9).toString('base64'),
};

beforeAll(async () => {
  storage = await startStorage(stage);
  one = await startProduct(stage, storage, limited);
  // A replica: the same database and signing key, a process of its own.
  two = await startProduct(stage, storage, { ...limited, GAUGEWAY_DATABASE_URL: one.postgres.url });
}, 120_000);
afterAll(() => stage.end(), 60_000);

/** Asks this often at once and counts the statuses. */
async function burst(times: number, ask: (i: number) => Promise<{ status: number }>) {
  const answers = await Promise.all(Array.from({ length: times }, (_, i) => ask(i)));
  const count: Record<number, number> = {};
  for (const { status } of answers) count[status] = (count[status] ?? 0) + 1;
  return count;
}

let people = 0;
/** A new person, who has a whole minute, signed in. */
async function newPerson(role: string): Promise<{ here: Call; there: Call }> {
  people += 1;
  const email = `${role.toLowerCase()}-${people}@example.com`;
  const password = 'a-long-password-of-a-person';
  await caller(one, one.adminToken)('POST', '/api/v1/users', { email, password, role });
  const { body } = await caller(one, '')('POST', '/api/v1/auth/login', { email, password });
  const token = String(body['token']);
  return { here: caller(one, token), there: caller(two, token) };
}

describe('the allowance of a minute', () => {
  it('AC-BE-009: the 61st request in a minute gets 429, with the headers of PRP §8.9', async () => {
    const { here } = await newPerson('Viewer');
    for (let i = 1; i <= 60; i++) {
      const { status, headers } = await here('GET', '/api/v1/hosts');
      expect([i, status, headers.get('x-ratelimit-remaining')]).toEqual([i, 200, String(60 - i)]);
      expect(headers.get('x-ratelimit-limit')).toBe('60');
    }
    const refused = await here('GET', '/api/v1/hosts');
    expect(refused.status).toBe(429);
    expect(refused.body['error']).toMatchObject({ code: 'RATE_LIMIT_EXCEEDED' });
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('0');
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(60);
    expect(refused.headers.get('x-ratelimit-reset')).toBe(String(wait));
  });

  it('is one for all replicas: of 100 requests at once to both exactly 60 pass', async () => {
    const { here, there } = await newPerson('Viewer');
    const count = await burst(100, (i) =>
      (i % 2 === 0 ? here : there)('GET', '/api/v1/metrics/query?host_id=none&metric=cpu.load1'),
    );
    expect(count).toEqual({ 404: 60, 429: 40 });
  });

  it('is another one for writes, and for each person', async () => {
    const { here } = await newPerson('Operator');
    const silence = () => here('POST', '/api/v1/silences', {});
    expect(await burst(31, silence)).toEqual({ 400: 30, 429: 1 });
    expect((await here('GET', '/api/v1/hosts')).status).toBe(200);
    const other = await newPerson('Operator');
    expect((await other.here('POST', '/api/v1/silences', {})).status).toBe(400);
  });

  it("speaks Prometheus's words to Prometheus's clients, for whom a form is a read", async () => {
    const { here } = await newPerson('Viewer');
    await burst(60, () => here('POST', '/api/v1/query?query=1'));
    const refused = await here('GET', '/api/v1/query?query=1');
    expect([refused.status, refused.body['errorType']]).toEqual([429, 'too_many_requests']);
  });

  it('is 1,200 for a key, and none for samples, health and the metrics of the process', async () => {
    const key = await one.makeKey({ name: 'a script', scopes: ['read'] });
    const reader = caller(one, `Bearer ${key}`);
    const { headers } = await reader('GET', '/api/v1/hosts');
    expect(headers.get('x-ratelimit-limit')).toBe('1200');
    const writer = caller(one, `Bearer ${one.writeKey}`);
    const beat = await writer('POST', '/api/v1/ingest/heartbeat', { host_id: 'h', hostname: 'h' });
    expect([beat.status, beat.headers.get('x-ratelimit-limit')]).toEqual([200, null]);
    for (const path of ['/health', '/metrics']) {
      const answer = await fetch(one.url + path, { headers: { authorization: `Bearer ${key}` } });
      expect([path, answer.status, answer.headers.get('x-ratelimit-limit')]).toEqual([
        ...[path, 200, null],
      ]);
    }
  });

  it('lets ten attempts to log in pass for an account, wrong or right, over both replicas', async () => {
    const attempt = (product: Product) =>
      caller(product, '')('POST', '/api/v1/auth/login', {
        ...{ email: 'nobody@example.com', password: 'wrong' },
      });
    const count = await burst(14, (i) => attempt(i % 2 === 0 ? one : two));
    // The address has attempts of its own in the same minute: earlier tests of this file logged in from it.
    expect(count[429]).toBeGreaterThanOrEqual(4);
    expect((count[401] ?? 0) + (count[429] ?? 0)).toBe(14);
  });
});
