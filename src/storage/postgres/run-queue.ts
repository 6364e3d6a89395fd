import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { ReportRun, RunQueue } from '../../reports/index.ts';
import { fromRun, toRun, toSchedule, type RunRow, type ScheduleRow } from './report-rows.ts';
import { toDate } from './rows.ts';

/** A run that ends its workers is not tried for ever. */
const maxAttempts = 3;
/** Schedules that one look turns into runs. */
const batch = 100;

export function createRunQueue(knex: Knex): RunQueue {
  const held = (id: string, holder: string) => ({ id, holder, status: 'running' });
  return {
    due: (options) => knex.transaction((trx) => queueDue(trx, options)),
    async claim(holder, { nowMs, leaseMs }) {
      await knex('report_runs')
        .where({ status: 'running' })
        .where('lease_until', '<', toDate(nowMs))
        .where('attempts', '>=', maxAttempts)
        .update({
          ...{ status: 'failed', error: 'its worker ended, three times' },
          ...{ finished_at: toDate(nowMs), holder: null },
        });
      const { rows } = await knex.raw<{ rows: RunRow[] }>(
        `update report_runs set status = 'running', holder = :holder, attempts = attempts + 1,
           started_at = :now, lease_until = :until, error = null
         where id = (
           select id from report_runs
           where (status = 'queued' and (lease_until is null or lease_until < :now)
             or status = 'running' and lease_until < :now)
             and exists (select from tenants
               where tenants.id = report_runs.tenant_id and tenants.status = 'active')
           order by scheduled_at limit 1 for update skip locked)
         returning *`,
        { holder, now: toDate(nowMs), until: toDate(nowMs + leaseMs) },
      );
      return rows[0] && toRun(rows[0]);
    },
    async extend(id, holder, untilMs) {
      const changed = await knex('report_runs')
        .where(held(id, holder))
        .update({ lease_until: toDate(untilMs) });
      return changed === 1;
    },
    async noteFiles(id, holder, files) {
      const changed = await knex('report_runs')
        .where(held(id, holder))
        .update({ files: JSON.stringify(files) });
      return changed === 1;
    },
    async noteMail(id, holder, mail) {
      const changed = await knex('report_runs')
        .where(held(id, holder))
        .update({ mails: knex.raw('mails || ?::jsonb', [JSON.stringify([mail])]) });
      return changed === 1;
    },
    async finish(id, holder, { status, error, atMs }) {
      await knex('report_runs')
        .where(held(id, holder))
        .update({
          ...{ status, error: error ?? null, holder: null },
          ...(status === 'queued'
            ? { lease_until: toDate(atMs + 5_000) }
            : { finished_at: toDate(atMs), lease_until: null }),
        });
    },
  };
}

async function queueDue(
  trx: Knex.Transaction,
  { nowMs, missedBeforeMs, nextOf }: Parameters<RunQueue['due']>[0],
): Promise<number> {
  const rows = (await trx('report_schedules')
    .where({ enabled: true })
    .whereExists(
      trx('tenants')
        .where('tenants.id', trx.ref('report_schedules.tenant_id'))
        .where('status', 'active'),
    )
    .where('next_run_at', '<=', toDate(nowMs))
    .orderBy('next_run_at')
    .limit(batch)
    .forUpdate()
    .skipLocked()) as ScheduleRow[];
  for (const schedule of rows.map(toSchedule)) {
    const isMissed = schedule.nextRunAtMs < missedBeforeMs;
    // Should the row of a schedule ever be put back, its reports are not made again.
    await trx('report_runs')
      .insert(fromRun({ ...dueRun(schedule), status: isMissed ? 'missed' : 'queued' }))
      .onConflict()
      .ignore();
    await trx('report_schedules')
      .where({ tenant_id: schedule.tenantId, id: schedule.id })
      .update({ next_run_at: toDate(nextOf(schedule)) });
  }
  return rows.length;
}

function dueRun(schedule: ReturnType<typeof toSchedule>): ReportRun {
  const { name, tags, timeZone, format, recipients } = schedule;
  return {
    ...{ id: randomUUID(), tenantId: schedule.tenantId, scheduleId: schedule.id },
    ...{ kind: 'scheduled', wanted: { name, tags, timeZone, format, recipients } },
    ...{ scheduledAtMs: schedule.nextRunAtMs, status: 'queued', attempts: 0 },
    ...{ startedAtMs: null, finishedAtMs: null, error: null, files: [], mails: [] },
  };
}
