import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Knex } from 'knex';
import { createOutboxStore } from '../../../src/storage/postgres/index.ts';
import { startDatabase, type TestDatabase } from '../../support/access.ts';
import { queue, startWorker } from '../../support/outbox.ts';
import { startReceiver, type Receiver } from '../../support/receiver.ts';
import { startSmtp } from '../../support/smtp.ts';
import { Stage, until } from '../../support/stage.ts';

interface Payload {
  status: string;
  alerts: { status: string; labels: Record<string, string>; acknowledgeURL?: string }[];
}

let database: TestDatabase;
let stage: Stage;
let receiver: Receiver;
let hook: string;

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  await database.postgres.knex.raw(
    `INSERT INTO tenants (id, name, created_at) VALUES ('default', 'default', now()) ON CONFLICT DO NOTHING`,
  );
}, 60_000);
afterAll(() => database.stop());
beforeEach(async () => {
  stage = new Stage();
  receiver = await startReceiver(stage);
  hook = `webhook:${receiver.url}/hook`;
});
afterEach(async () => {
  await stage.end();
  await database.postgres.knex.raw(
    'TRUNCATE incidents, deliveries, delivery_attempts, silences CASCADE',
  );
});

interface Row {
  kind: string;
  status: string;
  reason: string | null;
  attempts: number;
  message_id: string;
  seq: number;
}
const rows = async (): Promise<Row[]> =>
  (await database.postgres.knex('deliveries').orderBy('id')) as Row[];
const attempts = async () =>
  (await database.postgres.knex('delivery_attempts').orderBy('id')) as {
    outcome: string;
    status: number | null;
    answer: string;
    attempt: number;
  }[];
const finished = () =>
  until('everything is finished', async () =>
    (await rows()).every(({ status }) => !['queued', 'sending'].includes(status)),
  );
const payloads = () => receiver.posts.map(({ body }) => JSON.parse(body) as Payload);
const start = (options = {}) => startWorker(stage, database.postgres, options);

function deferred() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve: () => resolve() };
}

/** A database whose transactions do not come to their end before the server has had enough of them. */
function standingStill(knex: Knex, onStill: () => void): Knex {
  const transaction = (work: (trx: Knex.Transaction) => Promise<unknown>) =>
    knex.transaction(async (trx) => {
      await work(trx);
      onStill();
      await until('the server ends the session', () =>
        database.postgres.knex
          .raw<{ rows: unknown[] }>(
            `SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND pid <> pg_backend_pid()`,
          )
          .then(({ rows: found }) => found.length === 0),
      );
      await trx.raw('SELECT 1');
    });
  return Object.assign(((table: string) => knex(table)) as unknown as Knex, { transaction });
}

describe('the worker', () => {
  it('sends a message, marks it and keeps the answer', async () => {
    await queue(database.postgres, [{ channel: hook }]);
    const { meters } = await start();
    await finished();
    const [row] = await rows();
    expect(row).toMatchObject({ status: 'sent', attempts: 1 });
    expect(receiver.posts[0]?.headers['idempotency-key']).toBe(row?.message_id);
    expect(payloads()[0]).toMatchObject({ status: 'firing', alerts: [{ status: 'firing' }] });
    expect(await attempts()).toMatchObject([{ outcome: 'sent', status: 200, answer: 'ok' }]);
    expect(await meters.text()).toContain('alert_notifications_sent_total{channel="webhook"} 1');
  });

  it('makes one message of a storm', async () => {
    const hosts = Array.from({ length: 500 }, (_, index) => ({
      channel: hook,
      host: `web-${index}`,
    }));
    await queue(database.postgres, hosts);
    await start();
    await finished();
    expect(receiver.posts).toHaveLength(1);
    expect(payloads()[0]?.alerts).toHaveLength(500);
  });

  it('waits for what belongs together, but not with what is critical', async () => {
    await queue(database.postgres, [{ channel: hook, severity: 'warning', host: 'a' }]);
    await start({ groupWaitMs: 3_000 });
    await queue(database.postgres, [{ channel: hook, rule: 'other', host: 'c' }]);
    await until('the critical one is there', () => Promise.resolve(receiver.posts.length === 1));
    await queue(database.postgres, [{ channel: hook, severity: 'warning', host: 'b' }]);
    await finished();
    const sent = payloads().map(({ alerts }) => alerts.map(({ labels }) => labels['host_id']));
    expect(sent).toEqual([['c'], ['a', 'b']]);
  });

  it('keeps the order of one alert on one channel', async () => {
    receiver.answer = (res, _post, index) => {
      res.statusCode = index < 2 ? 500 : 200;
      res.end();
    };
    const [incidentId] = await queue(database.postgres, [{ channel: hook }]);
    await start({ backoffMs: 300 });
    await until('it was tried', () => Promise.resolve(receiver.posts.length >= 1));
    await queue(database.postgres, [
      { channel: hook, incidentId: incidentId!, kind: 'resolved', seq: 2 },
    ]);
    await finished();
    expect(payloads().map(({ status }) => status)).toEqual([
      ...['firing', 'firing', 'firing', 'resolved'],
    ]);
    const keys = receiver.posts.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect((await attempts()).map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      ...[
        [1, 'retry'],
        [2, 'retry'],
        [3, 'sent'],
        [1, 'sent'],
      ],
    ]);
  });

  it('says nothing of what is over before it was told, and the last word of what is not', async () => {
    const [gone, flapping] = [randomUUID(), randomUUID()];
    await queue(database.postgres, [
      { channel: hook, incidentId: gone },
      { channel: hook, incidentId: gone, kind: 'resolved', seq: 2 },
      { channel: hook, incidentId: flapping, host: 'flapping' },
      { channel: hook, incidentId: flapping, kind: 'resolved', seq: 2, host: 'flapping' },
      { channel: hook, incidentId: flapping, kind: 'refired', seq: 3, host: 'flapping' },
    ]);
    await start();
    await finished();
    expect((await rows()).map(({ status, reason }) => reason ?? status)).toEqual([
      ...['resolved-before-sent', 'resolved-before-sent', 'superseded', 'superseded', 'sent'],
    ]);
    expect(receiver.posts).toHaveLength(1);
    expect(payloads()[0]?.alerts[0]?.labels['host_id']).toBe('flapping');
  });

  it('still says that it is over where it had said that it fires', async () => {
    const [incidentId] = await queue(database.postgres, [{ channel: hook }]);
    await start();
    await finished();
    await database.postgres.knex.transaction((trx) =>
      queue({ ...database.postgres, knex: trx }, [
        { channel: hook, incidentId: incidentId!, kind: 'repeat', seq: 2 },
        { channel: hook, incidentId: incidentId!, kind: 'resolved', seq: 3 },
      ]),
    );
    await finished();
    expect((await rows()).map(({ status, reason }) => reason ?? status)).toEqual([
      ...['sent', 'superseded', 'sent'],
    ]);
    expect(payloads().map(({ status }) => status)).toEqual(['firing', 'resolved']);
  });

  it('drops what somebody took over meanwhile, but not that it is over', async () => {
    const [incidentId] = await queue(database.postgres, [{ channel: hook }]);
    await database.postgres.knex('incidents').update({ ack_by: 'ann', ack_at_ms: Date.now() });
    await start();
    await finished();
    expect(await rows()).toMatchObject([{ status: 'dropped', reason: 'acknowledged' }]);
    await queue(database.postgres, [
      { channel: hook, incidentId: incidentId!, kind: 'resolved', seq: 2 },
    ]);
    await finished();
    expect(payloads().map(({ status }) => status)).toEqual(['resolved']);
  });

  it('leaves to the ruler what was silenced meanwhile', async () => {
    await queue(database.postgres, [{ channel: hook }]);
    await database.postgres.knex('silences').insert({
      ...{ tenant_id: 'default', id: randomUUID(), kind: 'silence' },
      matchers: JSON.stringify([
        { name: 'host_id', value: 'web-.*', isRegex: true, isEqual: true },
      ]),
      ...{ starts_at_ms: Date.now() - 60_000, ends_at_ms: Date.now() + 600_000 },
      ...{ created_by: 'ann', comment: '', updated_at_ms: 0 },
    });
    await start();
    await finished();
    expect(await rows()).toMatchObject([{ status: 'dropped', reason: 'silenced' }]);
    expect(receiver.posts).toHaveLength(0);
    const incident = await database.postgres
      .knex('incidents')
      .first<{ told: string } | undefined>();
    expect(incident?.told).toBe('nothing');
  });

  it('drains 10,000 rows in few messages, with two workers and no alert twice', async () => {
    const queued = Array.from({ length: 10_000 }, (_, index) => ({
      ...{ channel: hook, host: `web-${index}`, rule: `rule ${index % 20}` },
    }));
    await queue(database.postgres, queued);
    await start();
    await startWorker(stage, database.connect());
    await finished();
    const hosts = payloads().flatMap(({ alerts }) => alerts.map(({ labels }) => labels['host_id']));
    expect(hosts).toHaveLength(10_000);
    expect(new Set(hosts).size).toBe(10_000);
    expect(receiver.posts.length).toBe(20);
  });

  it('sends again under the same key what a worker left half done', async () => {
    await queue(database.postgres, [{ channel: hook }]);
    const messageId = randomUUID();
    await database.postgres.knex('deliveries').update({
      ...{ status: 'sending', attempts: 1, locked_by: 'gone', message_id: messageId },
      locked_until: new Date(Date.now() - 1_000),
    });
    await start();
    await finished();
    expect(receiver.posts.map(({ headers }) => headers['idempotency-key'])).toEqual([messageId]);
  });

  it('does not wait for one that was stopped in the middle of a claim', async () => {
    await queue(database.postgres, [{ channel: hook }]);
    const other = database.connect();
    const claimed = deferred();
    // Stands still after its claim, as a stopped process does, with the locks that the claim took.
    const standing = createOutboxStore(standingStill(other.knex, claimed.resolve)).claim({
      ...{ worker: 'stopped', maxMessages: 1, maxAlerts: 1, groupWaitMs: 0 },
      ...{ lockMs: 60_000, busy: [] },
    });
    const outcome = standing.then(
      () => 'claimed',
      () => 'undone',
    );
    await claimed.promise;
    await start();
    await finished();
    expect(receiver.posts).toHaveLength(1);
    expect(await outcome).toBe('undone');
  });

  it('sends mails with a lasting Message-ID in one thread for each alert', async () => {
    const smtp = await startSmtp(stage);
    const channel = 'email:ops@example.com';
    smtp.refuse({ data: '451 try again' });
    const [incidentId] = await queue(database.postgres, [{ channel }]);
    await start({ smtpUrl: smtp.url, attempts: 10 });
    await until('it was refused once', async () => (await attempts()).length >= 1);
    smtp.refuse(undefined);
    await until('it is there', () => Promise.resolve(smtp.mails.length === 1));
    await queue(database.postgres, [
      { channel, incidentId: incidentId!, kind: 'resolved', seq: 2 },
    ]);
    await finished();
    const [row] = await rows();
    const [firing, resolved] = smtp.mails;
    expect(firing).toMatchObject({ from: 'alerts@example.com', to: 'ops@example.com' });
    expect(firing?.headers).toMatchObject({
      'message-id': `<${row?.message_id}@example.com>`,
      references: `<incident-${incidentId}@example.com>`,
      'auto-submitted': 'auto-generated',
      subject: '[FIRING] hot: web-1',
    });
    expect(resolved?.headers['subject']).toBe('[RESOLVED] hot: web-1');
    expect(resolved?.headers['references']).toBe(firing?.headers['references']);
    expect(firing?.headers['content-type']).toContain('multipart/alternative');
  });

  it('gives a mail up whose address is refused for good', async () => {
    const smtp = await startSmtp(stage);
    smtp.refuse({ recipient: '550 no such user' });
    await queue(database.postgres, [{ channel: 'email:none@example.com' }]);
    await start({ smtpUrl: smtp.url });
    await finished();
    expect(await rows()).toMatchObject([{ status: 'dead', reason: 'refused', attempts: 1 }]);
    expect(await attempts()).toMatchObject([{ outcome: 'dead', status: 550 }]);
  });
});

describe('a receiver', () => {
  it('that is down is tried three times and given up', async () => {
    await queue(database.postgres, [{ channel: 'webhook:http://127.0.0.1:9/' }]);
    const { meters } = await start();
    await finished();
    expect(await rows()).toMatchObject([{ status: 'dead', reason: 'attempts-exhausted' }]);
    expect((await attempts()).map(({ outcome }) => outcome)).toEqual(['retry', 'retry', 'dead']);
    expect(await meters.text()).toContain(
      'gaugeway_notify_attempts_total{channel="webhook",outcome="retry"} 3',
    );
  });

  it.each([400, 401, 404, 410, 301, 302, 307])(
    'that answers %i is not asked again',
    async (status) => {
      receiver.answer = (res) => {
        res.writeHead(status, { location: `${receiver.url}/elsewhere` });
        res.end('no');
      };
      await queue(database.postgres, [{ channel: hook }]);
      await start();
      await finished();
      expect(await rows()).toMatchObject([{ status: 'dead', reason: 'refused' }]);
      expect(receiver.posts.map(({ path }) => path)).toEqual(['/hook']);
    },
  );

  it.each([408, 425, 429, 500, 503])('that answers %i is asked again', async (status) => {
    receiver.answer = (res, _post, index) => {
      res.statusCode = index === 0 ? status : 204;
      res.end();
    };
    await queue(database.postgres, [{ channel: hook }]);
    await start();
    await finished();
    expect((await attempts()).map(({ status: answered }) => answered)).toEqual([status, 204]);
  });

  it('that names a time does not use up the attempts', async () => {
    receiver.answer = (res, _post, index) => {
      if (index < 5) res.writeHead(429, { 'retry-after': '0' });
      res.end();
    };
    await queue(database.postgres, [{ channel: hook }]);
    await start();
    await finished();
    expect(await rows()).toMatchObject([{ status: 'sent', attempts: 1 }]);
    expect(receiver.posts).toHaveLength(6);
  });

  it('that does not answer in time, or hangs up, is tried again', async () => {
    receiver.answer = (res, _post, index) => {
      if (index === 0) return;
      if (index === 1) res.destroy();
      else res.end('ok');
    };
    await queue(database.postgres, [{ channel: hook }]);
    await start({ timeoutMs: 300 });
    await finished();
    expect((await attempts()).map(({ outcome }) => outcome)).toEqual(['retry', 'retry', 'sent']);
  });

  it('that answers without end is heard a little', async () => {
    receiver.answer = (res) => {
      const more = () => {
        while (!res.destroyed && res.write('x'.repeat(65_536)));
      };
      res.on('drain', more);
      more();
    };
    await queue(database.postgres, [{ channel: hook }]);
    await start();
    await finished();
    const [attempt] = await attempts();
    expect(attempt).toMatchObject({ outcome: 'sent', status: 200 });
    expect(attempt?.answer).toHaveLength(500);
  });

  it('that echoes the address does not bring it into the trail', async () => {
    receiver.answer = (res, { path }) => {
      res.statusCode = 404;
      res.end(`nothing at ${path}`);
    };
    await queue(database.postgres, [
      { channel: `webhook:${receiver.url}/services/T0SECRET/B0SECRET` },
    ]);
    await start();
    await finished();
    const [attempt] = await attempts();
    expect(attempt?.answer).toContain('[redacted]');
    expect(attempt?.answer).not.toContain('SECRET');
  });

  it('in a private network is not asked where that is not allowed', async () => {
    await queue(database.postgres, [{ channel: hook }]);
    await start({ allowPrivate: false });
    await finished();
    expect(receiver.posts).toHaveLength(0);
    expect(await attempts()).toMatchObject([{ outcome: 'dead', status: null }]);
  });

  it('that is slow does not hold up another', async () => {
    const slow = await startReceiver(stage);
    slow.answer = () => undefined;
    await queue(
      database.postgres,
      Array.from({ length: 40 }, (_, index) => ({
        ...{ channel: `webhook:${slow.url}/`, rule: `slow ${index}` },
      })),
    );
    await queue(database.postgres, [{ channel: hook }]);
    await start({ timeoutMs: 5_000, attempts: 1 });
    await until('the other one is told', () => Promise.resolve(receiver.posts.length === 1));
    await until('it is noted', async () => (await attempts()).length > 0);
    expect(await attempts()).toMatchObject([{ outcome: 'sent' }]);
  }, 60_000);
});
