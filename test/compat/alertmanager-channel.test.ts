import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDatabase, type TestDatabase } from '../support/access.ts';
import { queue, startWorker } from '../support/outbox.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startAlertmanager } from '../support/alertmanager.ts';
import { Stage, until } from '../support/stage.ts';

interface Payload {
  alerts: (Record<string, unknown> & { status: string })[];
}

const stage = new Stage();
let database: TestDatabase;
let url: string;
/** What the real Alertmanager sends, and what we send. */
let theirs: Receiver;
let ours: Receiver;

/** The one that both use as the receiver's name. */
const channelTo = (receiver: Receiver) => `webhook:${receiver.url}/a+b`;

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
  stage.onEnd(() => database.stop());
  await database.postgres.knex.raw(
    `INSERT INTO tenants (id, name, created_at) VALUES ('default', 'default', now()) ON CONFLICT DO NOTHING`,
  );
  [theirs, ours] = [await startReceiver(stage), await startReceiver(stage)];
  url = await startAlertmanager(
    stage,
    `
route: {receiver: '${channelTo(ours)}', group_by: [alertname], group_wait: 100ms, group_interval: 1s}
receivers:
  - name: '${channelTo(ours)}'
    webhook_configs: [{url: '${theirs.url}/', send_resolved: true}]
`,
  );
}, 120_000);

afterAll(() => stage.end());

const active = async () =>
  (await (await fetch(`${url}/api/v2/alerts?active=true`)).json()) as {
    labels: Record<string, string>;
    startsAt: string;
    endsAt: string;
    fingerprint: string;
  }[];

const payloadsOf = (receiver: Receiver) =>
  receiver.posts.map(({ body }) => JSON.parse(body) as Payload);

describe('a real Alertmanager', () => {
  it('takes our alerts, and what it makes of them is what our own webhook says', async () => {
    const channels = [`alertmanager:${url}`, channelTo(ours)];
    const [incidentId] = await queue(database.postgres, [{ channel: channels[0]! }]);
    await queue(database.postgres, [{ channel: channels[1]!, incidentId: incidentId! }]);
    await startWorker(stage, database.postgres);

    await until('it fires there', async () => (await active()).length === 1);
    const [alert] = await active();
    expect(alert?.labels).toEqual({ alertname: 'hot', host_id: 'web-1', severity: 'critical' });
    expect(Date.parse(alert?.endsAt ?? '')).toBeGreaterThan(Date.now());
    await until('both were told', () =>
      Promise.resolve(theirs.posts.length > 0 && ours.posts.length > 0),
    );
    expect(payloadsOf(ours)[0]).toEqual(withLink(payloadsOf(theirs)[0]));

    await queue(
      database.postgres,
      channels.map((channel) => ({ channel, incidentId: incidentId!, kind: 'resolved', seq: 2 })),
    );
    await until('it is over there', async () => (await active()).length === 0);
    await until('both were told', () =>
      Promise.resolve(theirs.posts.length > 1 && ours.posts.length > 1),
    );
    expect(payloadsOf(ours)[1]).toEqual(payloadsOf(theirs)[1]);
  });
});

/** The one field that only ours has. */
function withLink(payload: Payload | undefined) {
  const link = {
    acknowledgeURL: expect.stringMatching(/^https:\/\/gaugeway\.example\/a\//) as string,
  };
  return {
    ...payload,
    alerts: payload?.alerts.map((alert) => ({ ...alert, ...link })),
  };
}
