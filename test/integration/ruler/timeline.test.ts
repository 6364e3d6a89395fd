import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRules } from '../../../src/rules/index.ts';
import { recall, runSlot, type SlotDeps } from '../../../src/ruler/group.ts';
import type { RulerStore } from '../../../src/ruler/index.ts';
import { toRuleSet } from '../../../src/ruler/rule-set.ts';
import { createAlertStore, createGroupLeases } from '../../../src/storage/postgres/index.ts';
import { startDatabase, type TestDatabase } from '../../support/access.ts';

const rules = `
rules:
  - id: hot
    name: CPU Hot
    expression: cpu.utilization > 90
    duration: 1m
    severity: critical
    on_no_data: resolve
    channels: ['email:ops@example.com']
`;

const half = 30_000;
const day = Date.UTC(2026, 10, 23);

/** `7:30` after midnight, as field/alerting.md 7 writes its times. */
const clock = (slot: number) => `${Math.floor((slot * half) / 60_000)}:${slot % 2 ? '30' : '00'}`;

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase({ migrated: true });
}, 60_000);

afterAll(() => database.stop());

describe('the worked timeline of field/alerting.md 7', () => {
  it('is what rulers store, each slot by one that knows only what is in the database', async () => {
    const { knex } = database.postgres;
    await knex('tenants').insert({ id: 'timeline', name: 'timeline' }).onConflict().ignore();
    const [group] = parseRules(rules, 'timeline.yaml').groups;
    const set = {
      ...toRuleSet('timeline', group!, { intervalMs: half, queryOffsetMs: 0 }),
      rhythm: { intervalMs: half, phaseMs: 0 },
    };
    const offer = [{ tenantId: 'timeline', groupKey: set.key, intervalMs: half }];
    const hot = new Set([
      '0:00',
      '0:30',
      '1:00',
      '3:00',
      '3:30',
      '4:00',
      '4:30',
      '5:00',
      '5:30',
      '6:00',
      '6:30',
    ]);
    let isHot = false;
    const deps: SlotDeps = {
      ask: () =>
        Promise.resolve({
          ok: true,
          isPartial: false,
          rows: isHot ? [{ labels: new Map([['host_id', 'web-1']]), value: 97 }] : [],
        }),
      write: () => Promise.resolve(),
      ...{ externalLabels: new Map(), externalUrl: '', monotonicMs: () => 0 },
      ...{ repeatMs: 0, outageToleranceMs: 300_000 },
      ...{ channelsOf: (names) => names, newId: randomUUID },
    };
    const log: string[] = [];
    let state = '';
    for (let slot = 0; slot <= 17; slot += 1) {
      isHot = hot.has(clock(slot));
      // A ruler of its own for each slot: what it knows it has from Postgres.
      const store: RulerStore = {
        ...createGroupLeases(knex, randomUUID()),
        ...createAlertStore(knex),
      };
      await store.offer(offer);
      const { leases } = await store.beat(offer, 60_000);
      const lease = leases[0]!;
      const memory = recall(lease, await store.load(lease));
      const touched = await store.touched(lease);
      const result = await runSlot(set, memory, day + slot * half, { touched, deps });
      expect(await store.commit(lease, result.commit)).toBe('committed');
      // The same slot again, as after a crash between commit and memory, changes nothing.
      expect(await store.commit(lease, result.commit)).toBe('fenced');
      await store.release();
      for (const { kind } of result.commit.deliveries) log.push(`${clock(slot)} ${kind}`);
      const [row] = (await knex('alert_instances').where({ tenant_id: 'timeline' })) as {
        state: string;
      }[];
      if (row && row.state !== state) log.push(`${clock(slot)} = ${row.state}`);
      state = row?.state ?? '';
      if (clock(slot) === '6:00') {
        await knex('incidents')
          .where({ tenant_id: 'timeline' })
          .update({ ack_by: 'anna', ack_at_ms: day + slot * half + 10_000, ack_comment: '' });
      }
    }
    expect(log).toEqual([
      '0:00 = pending',
      '1:00 firing',
      '1:00 = firing',
      '2:00 resolved',
      '2:00 = resolved',
      '3:00 = pending',
      '4:00 = firing',
      '6:00 refired',
      '7:30 resolved',
      '7:30 = resolved',
    ]);
    const incidents = (await knex('incidents').where({ tenant_id: 'timeline' })) as object[];
    expect(incidents).toMatchObject([{ flaps: 1, told: 'resolved', notice_seq: 4 }]);
    const deliveries = (await knex('deliveries')
      .where({ tenant_id: 'timeline' })
      .orderBy('seq')) as { kind: string }[];
    expect(deliveries.map(({ kind }) => kind)).toEqual([
      ...['firing', 'resolved', 'refired', 'resolved'],
    ]);
  });
});
