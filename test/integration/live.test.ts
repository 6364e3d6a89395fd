import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connected, connectLive, type LiveClient } from '../support/live.ts';
import { caller, person, type Call } from '../support/rest.ts';
import { steady, store } from '../support/samples.ts';
import { databaseOf } from '../support/sql.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../support/stage.ts';

const stage = new Stage();
let one: Product;
let two: Product;
let storage: Awaited<ReturnType<typeof startStorage>>;
let admin: Call;
let knex: ReturnType<typeof databaseOf>;

beforeAll(async () => {
  storage = await startStorage(stage);
  const env = {
    GAUGEWAY_SIGNING_KEY: Buffer.alloc(32, 3).toString('base64url'),
    GAUGEWAY_LIVE_INTERVAL: '200ms',
    ...{ GAUGEWAY_LIVE_MAX_ROOMS: '3', GAUGEWAY_LIVE_MAX_CLIENTS_PER_TENANT: '60' },
    GAUGEWAY_LIVE_MAX_WAITING: '50',
    GAUGEWAY_RATE_LIMITS_LOGIN: '1000',
  };
  one = await startProduct(stage, storage, env);
  two = await startProduct(stage, storage, { ...env, GAUGEWAY_DATABASE_URL: one.postgres.url });
  admin = caller(one, one.adminToken);
  knex = databaseOf(stage, one);
  for (const hostname of ['live-1', 'live-2']) await admin('POST', '/api/v1/hosts', { hostname });
  await caller(one, one.adminToken)('POST', '/api/v1/tenants', {
    ...{ id: 'other', name: 'Other', admin_email: 'other@example.com' },
    admin_password: 'a-long-password-of-another',
  });
}, 180_000);
afterAll(() => stage.end(), 60_000);

let count = 0;
/** One change of one alert, as the ruler writes it: its own transaction. */
async function change(tenant = 'default', wait?: Promise<void>, text = ''): Promise<string> {
  count += 1;
  const rule = `Live ${count}`;
  await knex.transaction(async (trx) => {
    const [incident] = await trx('incidents')
      .insert({
        ...{ id: crypto.randomUUID(), tenant_id: tenant, group_key: 'live', rule_key: 'live' },
        ...{ rule_name: rule, fingerprint: rule, label_key: 'l', labels: '{}' },
        annotations: JSON.stringify(text === '' ? {} : { text }),
        ...{ value: 1, opened_at_ms: Date.now(), told: 'firing' },
      })
      .returning<{ id: string }[]>('id');
    await trx('incident_events').insert({
      ...{ tenant_id: tenant, incident_id: incident?.id, at_ms: Date.now(), kind: 'opened' },
    });
    await wait;
  });
  return rule;
}

const client = async (product: Product, token = product.adminToken): Promise<LiveClient> => {
  const made = connectLive(stage, product, token);
  await connected(made);
  return made;
};
/** Of the changes made here: the product's own rules may fire meanwhile. */
const namesOf = (of: LiveClient): string[] =>
  of
    .of('alert')
    .map((event) => String(event['rule_name']))
    .filter((name) => name.startsWith('Live '));
const refusalOf = async (token: string | undefined): Promise<unknown> => {
  const made = connectLive(stage, one, token);
  return connected(made).then(
    () => 'let in',
    (error: unknown) => (error as { data: unknown }).data,
  );
};

describe('a connection', () => {
  it('is let in with a session or a key that reads, and with nothing else', async () => {
    await client(one);
    await client(one, one.readKey);
    expect(await refusalOf(undefined)).toEqual({ code: 'UNAUTHORIZED', reason: 'missing' });
    expect(await refusalOf('nonsense')).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await refusalOf(one.writeKey)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await refusalOf(`${one.adminToken}x`)).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('ends within seconds when its session ends, on another replica too', async () => {
    const email = 'leaver@example.com';
    const password = 'a-long-password-of-a-person';
    await admin('POST', '/api/v1/users', { email, password, role: 'Viewer' });
    const { body } = await caller(one, '')('POST', '/api/v1/auth/login', { email, password });
    const token = String(body['token']);
    const there = await client(two, token);
    await caller(one, token)('POST', '/api/v1/auth/logout');
    await until('it is ended', () => Promise.resolve(there.socket.disconnected));
    expect(there.of('end')).toEqual([{ code: 'UNAUTHORIZED', reason: 'revoked' }]);
  });

  it('goes on with a fresh token of the same person, and of nobody else', async () => {
    const mine = await client(one);
    const { body } = await caller(one, '')('POST', '/api/v1/auth/login', {
      ...{ email: 'admin@localhost', password: 'a-long-password-of-the-stage' },
    });
    expect(await mine.ask('renew', { token: body['token'] })).toEqual({ ok: true });
    expect(await mine.ask('renew', { token: one.readKey })).toEqual({
      ok: false,
      code: 'FORBIDDEN',
    });
    expect(await mine.ask('renew', { token: 'x' })).toEqual({ ok: false, code: 'UNAUTHORIZED' });
    expect(mine.socket.connected).toBe(true);
  });

  it('is told of every mistake by a word of the list', async () => {
    const mine = await client(one);
    for (const [body, code] of [
      ...[
        [{}, 'BAD_REQUEST'],
        [null, 'BAD_REQUEST'],
        [{ room: 'users' }, 'BAD_REQUEST'],
      ],
      ...[
        [{ room: 'hosts', more: 1 }, 'BAD_REQUEST'],
        [{ room: 'host:none' }, 'NOT_FOUND'],
      ],
      [{ room: 'host:live-1\0other' }, 'BAD_REQUEST'],
    ] as const) {
      expect([body, await mine.ask('subscribe', body)]).toEqual([body, { ok: false, code }]);
    }
    for (const room of ['hosts', 'host:live-1', 'host:live-2']) {
      expect(await mine.ask('subscribe', { room })).toEqual({ ok: true });
    }
    expect(await mine.ask('subscribe', { room: 'alerts' })).toEqual({
      ...{ ok: false, code: 'TOO_MANY_ROOMS' },
    });
    const many = await Promise.all(Array.from({ length: 80 }, () => mine.ask('unsubscribe', {})));
    expect(many.every(({ code }) => code === 'BAD_REQUEST')).toBe(true);
    const asked = await Promise.all(
      Array.from({ length: 200 }, () => mine.ask('subscribe', { room: 'hosts' })),
    );
    expect(asked.some(({ code }) => code === 'TOO_FAST')).toBe(true);
  });
});

const login = async (email: string, password: string): Promise<string> =>
  String((await caller(one, '')('POST', '/api/v1/auth/login', { email, password })).body['token']);

const refusedFor = async (reason: string): Promise<number> => {
  const answer = await fetch(`${one.url}/metrics`, {
    headers: { authorization: `Bearer ${one.readKey}` },
  });
  const line = new RegExp(`gaugeway_live_refused_total\\{.*reason="${reason}".*\\} (\\d+)`);
  return Number(line.exec(await answer.text())?.[1] ?? 0);
};

describe('a crowd', () => {
  it('of one tenant leaves room for the others', async () => {
    const theirs = await login('other@example.com', 'a-long-password-of-another');
    const crowd = await Promise.all(Array.from({ length: 60 }, () => client(one, theirs)));
    expect(await refusalOf(theirs)).toEqual({ code: 'TOO_MANY_CLIENTS' });
    expect(await refusalOf(one.adminToken)).toBe('let in');
    crowd[0]?.socket.disconnect();
    await until('the place is free', async () => (await refusalOf(theirs)) === 'let in');
    for (const { socket } of crowd) socket.disconnect();
  });

  it('has one that does not read: it is sent away, and nobody waits for it', async () => {
    const [slow, quick] = [await client(one), await client(one)];
    for (const each of [slow, quick]) await each.ask('subscribe', { room: 'alerts' });
    const before = await refusedFor('SLOW');
    pause(slow);
    const made: string[] = [];
    await until('it is sent away', async () => {
      // More than the buffers of two kernels on the way.
      for (let i = 0; i < 10; i += 1) made.push(await change('default', undefined, large));
      return (await refusedFor('SLOW')) > before;
    });
    await until('all have come', () =>
      Promise.resolve(made.every((n) => namesOf(quick).includes(n))),
    );
    expect(quick.socket.connected).toBe(true);
  });
});

const large = 'x'.repeat(500_000);

/** The client's machine takes no more bytes. */
function pause({ socket }: LiveClient): void {
  const { transport } = socket.io.engine as unknown as {
    transport: { ws: { pause(): void } };
  };
  transport.ws.pause();
}

describe('alerts', () => {
  it('come to all replicas in the order of the API, each once, and only to their tenant', async () => {
    const [here, there] = [await client(one), await client(two)];
    const { body } = await caller(one, '')('POST', '/api/v1/auth/login', {
      ...{ email: 'other@example.com', password: 'a-long-password-of-another' },
    });
    const stranger = await client(one, String(body['token']));
    for (const each of [here, there, stranger]) {
      expect(await each.ask('subscribe', { room: 'alerts' })).toMatchObject({ ok: true });
    }
    const made = [await change(), await change(), await change()];
    const foreign = await change('other');
    await until('all have come', () =>
      Promise.resolve(
        namesOf(here).length >= 3 && namesOf(there).length >= 3 && namesOf(stranger).length >= 1,
      ),
    );
    expect([namesOf(here), namesOf(there), namesOf(stranger)]).toEqual([made, made, [foreign]]);
    const event = here.of('alert').find(({ rule_name }) => rule_name === namesOf(here)[0]);
    expect(event).toMatchObject({ state: 'firing', change: 'opened', cursor: expect.any(String) });
    const listed = await admin('GET', `/api/v1/alerts/events/${String(event?.['id'])}`);
    expect(event).toMatchObject({ id: listed.body['id'], rule_name: listed.body['rule_name'] });
  });

  it('that commit out of order are all told', async () => {
    const mine = await client(one);
    const answer = await mine.ask('subscribe', { room: 'alerts' });
    expect(answer).toMatchObject({ ok: true });
    let letGo: () => void = () => undefined;
    const slow = change('default', new Promise((resolve) => (letGo = resolve)));
    await until('the slow one has begun', async () => {
      const { rows } = await knex.raw<{ rows: { n: string }[] }>(
        `select count(*) as n from pg_stat_activity where state = 'idle in transaction'`,
      );
      return Number(rows[0]?.n) > 0;
    });
    const quick = await change();
    letGo();
    const both = [await slow, quick];
    // One that was committed just before may come too: it is newer than the oldest transaction of that moment.
    const heard = (): string[] => namesOf(mine).filter((name) => both.includes(name));
    await until('both have come', () => Promise.resolve(heard().length >= 2));
    expect(heard().sort()).toEqual(both.sort());
  });

  it('that were missed are told after a reconnect, without a gap and none twice, while more come', async () => {
    const first = await client(one);
    await first.ask('subscribe', { room: 'alerts' });
    const made: string[] = [await change()];
    await until('the first has come', () => Promise.resolve(namesOf(first).length === 1));
    const since = String(first.of('alert')[0]?.['cursor']);
    first.socket.disconnect();
    let isOver = false;
    const stream = (async () => {
      while (!isOver) made.push(await change());
    })();
    await until('many were missed', () => Promise.resolve(made.length > 250));
    const again = await client(two);
    expect(await again.ask('subscribe', { room: 'alerts', since })).toMatchObject({ ok: true });
    await until('more come', () => Promise.resolve(made.length > 300));
    isOver = true;
    await stream;
    await until('all have come', () => Promise.resolve(namesOf(again).length >= made.length - 1));
    expect(namesOf(again)).toEqual(made.slice(1));
  });

  it('before an unknown place cannot be told: the client is to read the list again', async () => {
    for (const since of ['1.1', 'x', '99999999999.1']) {
      const mine = await client(one);
      const answer = await mine.ask('subscribe', { room: 'alerts', since });
      expect(answer).toMatchObject({ ok: true, resync: true, cursor: expect.any(String) });
      mine.socket.disconnect();
    }
  });

  it('reach who comes back after its replica was killed', async () => {
    const mine = connectLive(stage, two, two.adminToken, { reconnection: true });
    await connected(mine);
    await mine.ask('subscribe', { room: 'alerts' });
    const before = await change();
    await until('it has come', () => Promise.resolve(namesOf(mine).includes(before)));
    const since = mine.of('alert').at(-1)?.['cursor'] as string;
    await two.kill('SIGKILL');
    const missed = await change();
    await two.restart();
    await until('it is back', () => Promise.resolve(mine.socket.connected));
    await mine.ask('subscribe', { room: 'alerts', since });
    await until('what was missed has come', () => Promise.resolve(namesOf(mine).includes(missed)));
    expect(namesOf(mine).filter((name) => name === before || name === missed)).toEqual([
      ...[before, missed],
    ]);
  });
});

describe('hosts', () => {
  it('are told when their status and figures change, to who watches them', async () => {
    const [all, single, other] = [await client(one), await client(two), await client(one)];
    await all.ask('subscribe', { room: 'hosts' });
    await single.ask('subscribe', { room: 'host:live-1' });
    await other.ask('subscribe', { room: 'host:live-2' });
    await until('the first look was made', async () => {
      const { body } = await admin('GET', '/api/v1/hosts/live-1');
      return (body['host'] as { status: string }).status === 'ok';
    });
    const points = steady(80, { untilMs: Date.now() + 120_000, forMs: 300_000 });
    await until('a look was made before', async () => {
      await store(storage.target, [{ metric: 'mem_used_pct', hostId: 'live-1', points }]);
      return all.of('host.status').length > 0 || single.of('metrics').length > 0;
    });
    const last = (client: LiveClient) =>
      (client.of('metrics').at(-1)?.['hosts'] ?? []) as unknown[];
    const is = [{ id: 'live-1', mem_pct: 80 }];
    await until('both are told of the figure', async () => {
      await Promise.resolve();
      expect(last(single)).toMatchObject(is);
      expect(last(all)).toMatchObject(is);
      return true;
    });
    expect(
      other
        .of('metrics')
        .flatMap(({ hosts }) => hosts as { id: string }[])
        .map(({ id }) => id),
    ).not.toContain('live-1');
    const told = [...all.of('host.status'), ...single.of('host.status')];
    for (const status of told) {
      expect(status).toEqual({
        ...{ id: 'live-1', status: 'warn' },
        reason: { code: 'above_70_percent', metric: 'mem.used_pct' },
      });
    }
  });
});

it('polling works where websockets do not', async () => {
  const viewer = await person(one, 'Viewer');
  expect((await viewer('GET', '/api/v1/hosts')).status).toBe(200);
  const mine = connectLive(stage, one, one.readKey, { transports: ['polling'] });
  await connected(mine);
  expect(await mine.ask('subscribe', { room: 'alerts' })).toMatchObject({ ok: true });
  const made = await change();
  await until('it has come', () => Promise.resolve(namesOf(mine).includes(made)));
});
