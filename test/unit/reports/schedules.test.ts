import { expect, it } from 'vitest';
import { systemActor } from '../../../src/access/index.ts';
import { createSchedules, type ReportSchedule } from '../../../src/reports/index.ts';

const by = systemActor('default');
const sunday = Date.parse('2026-11-22T00:00:00Z');
const schedule: ReportSchedule = {
  ...{ id: 'one', tenantId: 'default', name: 'Weekly', tags: {}, timeZone: 'UTC' },
  ...{ format: 'pdf', recipients: [], weekday: 0, at: '00:00', isEnabled: true },
  ...{ createdAtMs: 0, nextRunAtMs: sunday },
};

it('a report that is due is not lost where its schedule is changed before a worker takes it', async () => {
  const store = { update: () => Promise.resolve(true) };
  const schedules = createSchedules({
    store: store as unknown as Parameters<typeof createSchedules>[0]['store'],
    clock: { nowMs: () => sunday + 3_000, monotonicMs: () => 0 },
  });
  const change = { recipients: ['ops@example.com'] };
  const after = await schedules.change(schedule, change, by);
  expect(after.nextRunAtMs).toBe(sunday);
  const moved = await schedules.change(schedule, { at: '06:00' }, by);
  expect(moved.nextRunAtMs).toBe(sunday + 6 * 3_600_000);
});
