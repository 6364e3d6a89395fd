import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Accountant, pause } from '../support/accountant.ts';
import { Stage, startProduct, startStorage, until } from '../support/stage.ts';

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => stage.end());

async function setOut(
  env: Record<string, string> = {},
  postgresSettings: Record<string, string> = {},
) {
  const storage = await startStorage(stage);
  const product = await startProduct(stage, storage, env, postgresSettings);
  const accountant = new Accountant();
  const load = { connections: 6, pauseMs: 5 };
  return { storage, product, accountant, load };
}

type Setting = Awaited<ReturnType<typeof setOut>>;

/** Waits until a number of batches more was acknowledged, so that a fault falls into a running stream. */
async function moreAcknowledged({ accountant }: Setting, count: number): Promise<void> {
  const goal = accountant.acknowledged.size + count;
  await until(`${String(count)} batches more are acknowledged`, () =>
    Promise.resolve(accountant.acknowledged.size >= goal),
  );
}

/** Waits until everything acknowledged is stored; answers with the final count. */
async function finalAudit({ accountant, storage }: Setting) {
  await accountant.stop();
  let audit = await accountant.audit(storage.target);
  await until('nothing acknowledged is missing', async () => {
    audit = await accountant.audit(storage.target);
    return audit.lost === 0;
  }).catch(() => undefined);
  return audit;
}

function killStorage({ storage }: Setting): void {
  process.kill(storage.pid() ?? 0, 'SIGKILL');
}

describe('every acknowledged sample is stored once', () => {
  it('when the gateway is killed in the middle of it', async () => {
    const here = await setOut();
    here.accountant.start(here.product.url, here.product.writeKey, here.load);
    for (let i = 0; i < 4; i += 1) {
      await moreAcknowledged(here, 300);
      await here.product.kill('SIGKILL');
      await here.product.restart();
    }
    await moreAcknowledged(here, 300);
    expect(await finalAudit(here)).toMatchObject({ lost: 0, doubled: 0 });
    expect(here.accountant.unexpected).toEqual(new Map());
  });

  it('when VictoriaMetrics is killed in the middle of it', async () => {
    const here = await setOut();
    here.accountant.start(here.product.url, here.product.writeKey, here.load);
    for (let i = 0; i < 3; i += 1) {
      await moreAcknowledged(here, 1_000);
      const before = here.storage.pid();
      killStorage(here);
      await until('VictoriaMetrics runs again', () =>
        Promise.resolve(here.storage.pid() !== before && here.storage.pid() !== undefined),
      );
      // Acknowledged while it was away, too.
      await moreAcknowledged(here, 300);
    }
    expect(await finalAudit(here)).toMatchObject({ lost: 0, doubled: 0 });
    expect([...here.accountant.statuses.keys()]).toEqual([204]);
  });

  it('when both are killed at the same moment', async () => {
    const here = await setOut();
    here.accountant.start(here.product.url, here.product.writeKey, here.load);
    for (let i = 0; i < 2; i += 1) {
      await moreAcknowledged(here, 800);
      killStorage(here);
      await here.product.kill('SIGKILL');
      await here.product.restart();
    }
    await moreAcknowledged(here, 300);
    expect(await finalAudit(here)).toMatchObject({ lost: 0, doubled: 0 });
    expect(here.accountant.unexpected).toEqual(new Map());
  });

  it('when the gateway is asked to stop, without a refusal other than 503', async () => {
    const here = await setOut();
    here.accountant.start(here.product.url, here.product.writeKey, here.load);
    for (let i = 0; i < 3; i += 1) {
      await moreAcknowledged(here, 300);
      await here.product.kill('SIGTERM');
      await here.product.restart();
    }
    expect(await finalAudit(here)).toMatchObject({ lost: 0, doubled: 0 });
    expect(here.accountant.unexpected).toEqual(new Map());
  });

  it('without a journal, when the gateway is killed: the answer is VictoriaMetrics’ own', async () => {
    const here = await setOut({ GAUGEWAY_FORWARD_JOURNAL_ENABLED: 'false' });
    here.accountant.start(here.product.url, here.product.writeKey, here.load);
    for (let i = 0; i < 2; i += 1) {
      await moreAcknowledged(here, 300);
      await here.product.kill('SIGKILL');
      await here.product.restart();
    }
    expect(await finalAudit(here)).toMatchObject({ lost: 0, doubled: 0 });
  });
});

describe('while a part is away', () => {
  it('VictoriaMetrics hangs: writes go on into the journal, then all of it arrives', async () => {
    const here = await setOut();
    here.accountant.start(here.product.url, here.product.writeKey, here.load);
    await moreAcknowledged(here, 200);
    process.kill(here.storage.pid() ?? 0, 'SIGSTOP');
    try {
      await moreAcknowledged(here, 3_000);
    } finally {
      process.kill(here.storage.pid() ?? 0, 'SIGCONT');
    }
    expect(await finalAudit(here)).toMatchObject({ lost: 0, doubled: 0 });
    expect([...here.accountant.statuses.keys()]).toEqual([204]);
  });

  it('Postgres hangs: writes go on, readiness says it, health does not', async () => {
    const here = await setOut();
    here.accountant.start(here.product.url, here.product.writeKey, here.load);
    await moreAcknowledged(here, 100);
    const pid = here.product.postgres.pid() ?? 0;
    // The postmaster's children are the ones that answer.
    const children = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
    const all = [pid, ...children.trim().split(' ').map(Number)];
    for (const one of all) process.kill(one, 'SIGSTOP');
    try {
      await until(
        'readiness tells',
        async () => (await fetch(`${here.product.url}/ready`)).status === 503,
      );
      const ready = (await (await fetch(`${here.product.url}/ready`)).json()) as Record<
        string,
        string
      >;
      expect(ready).toMatchObject({ status: 'not_ready', storage: 'ok', journal: 'ok' });
      expect((await fetch(`${here.product.url}/health`)).status).toBe(200);
      await moreAcknowledged(here, 500);
    } finally {
      for (const one of all) process.kill(one, 'SIGCONT');
    }
    await until('readiness comes back', async () => (await fetch(`${here.product.url}/ready`)).ok);
    expect(await finalAudit(here)).toMatchObject({ lost: 0, doubled: 0 });
    expect([...here.accountant.statuses.keys()]).toEqual([204]);
  });

  it('Postgres is killed: writes go on and nothing is lost', async () => {
    // As it is run: the Postgres of tests forgets the last half second, and the key with it.
    const here = await setOut({}, { synchronous_commit: 'on' });
    here.accountant.start(here.product.url, here.product.writeKey, here.load);
    for (let i = 0; i < 2; i += 1) {
      await moreAcknowledged(here, 200);
      const before = here.product.postgres.pid();
      process.kill(before ?? 0, 'SIGKILL');
      await until('Postgres runs again', () =>
        Promise.resolve(![before, undefined].includes(here.product.postgres.pid())),
      );
    }
    await moreAcknowledged(here, 200);
    expect(await finalAudit(here)).toMatchObject({ lost: 0, doubled: 0 });
    expect([...here.accountant.statuses.keys()]).toEqual([204]);
  });

  it('storage is down without a journal: 503, and a new try succeeds later', async () => {
    const here = await setOut({ GAUGEWAY_FORWARD_JOURNAL_ENABLED: 'false' });
    here.accountant.start(here.product.url, here.product.writeKey, here.load);
    await moreAcknowledged(here, 100);
    killStorage(here);
    await until('503 is answered', () =>
      Promise.resolve((here.accountant.statuses.get(503) ?? 0) > 0),
    );
    await moreAcknowledged(here, 200);
    await here.accountant.stop();
    expect(here.accountant.unexpected).toEqual(new Map());
  });
});

async function metricValue(here: Setting, name: string): Promise<number> {
  const answer = await fetch(`${here.product.url}/metrics`, {
    headers: { authorization: `Bearer ${here.product.readKey}` },
  });
  const line = (await answer.text()).split('\n').find((one) => one.startsWith(`${name}{`));
  return Number(line?.split(' ').at(-1) ?? NaN);
}

describe('a journal that is full', () => {
  const small = {
    GAUGEWAY_FORWARD_JOURNAL_MAX_BYTES: '256KiB',
    GAUGEWAY_FORWARD_QUEUE_BYTES: '64KiB',
  };

  it('answers 503 and keeps everything that it acknowledged', async () => {
    const here = await setOut(small);
    process.kill(here.storage.pid() ?? 0, 'SIGSTOP');
    try {
      here.accountant.start(here.product.url, here.product.writeKey, {
        ...here.load,
        giveUp: true,
      });
      await until('503 is answered', () =>
        Promise.resolve((here.accountant.statuses.get(503) ?? 0) > 50),
      );
      await here.accountant.stop();
    } finally {
      process.kill(here.storage.pid() ?? 0, 'SIGCONT');
    }
    expect(await finalAudit(here)).toMatchObject({ lost: 0, doubled: 0 });
    expect([...here.accountant.statuses.keys()].sort()).toEqual([204, 503]);
    expect((await fetch(`${here.product.url}/ready`)).status).toBe(503);
  });

  it('drops the oldest where it is told to, and counts exactly what', async () => {
    const here = await setOut({ ...small, GAUGEWAY_FORWARD_JOURNAL_OVERFLOW: 'drop_oldest' });
    process.kill(here.storage.pid() ?? 0, 'SIGSTOP');
    try {
      here.accountant.start(here.product.url, here.product.writeKey, here.load);
      await moreAcknowledged(here, 1_500);
      await here.accountant.stop();
    } finally {
      process.kill(here.storage.pid() ?? 0, 'SIGCONT');
    }
    const acknowledged = here.accountant.acknowledged.size * 50;
    const dropped = () => metricValue(here, 'gaugeway_forward_dropped_samples_total');
    await until('what was not dropped is stored', async () => {
      const { stored } = await here.accountant.audit(here.storage.target);
      return stored + (await dropped()) >= acknowledged;
    });
    await pause(1_000);
    const { stored, doubled } = await here.accountant.audit(here.storage.target);
    expect(await dropped()).toBeGreaterThan(0);
    expect(stored + (await dropped())).toBe(acknowledged);
    expect(doubled).toBe(0);
  });
});
