import type { Knex } from 'knex';
import type { ReportStore } from '../../reports/index.ts';
import { addAudit } from './audit-store.ts';
import {
  fromRun,
  fromSchedule,
  toRun,
  toSchedule,
  type RunRow,
  type ScheduleRow,
} from './report-rows.ts';
import { isDuplicate, listed } from './rows.ts';
import { withUnavailable } from './unavailable.ts';
import { isUuid } from './user-store.ts';

export function createReportStore(knex: Knex): ReportStore {
  const store: ReportStore = {
    insert: (schedule, audit) =>
      unlessTaken(() =>
        knex.transaction(async (trx) => {
          await trx('report_schedules').insert(fromSchedule(schedule));
          await addAudit(trx, audit);
        }),
      ),
    update: (schedule, audit) =>
      unlessTaken(() =>
        knex.transaction(async (trx) => {
          await trx('report_schedules')
            .where({ tenant_id: schedule.tenantId, id: schedule.id })
            .update(fromSchedule(schedule));
          await addAudit(trx, audit);
        }),
      ),
    remove: (schedule, audit) =>
      knex.transaction(async (trx) => {
        await trx('report_schedules')
          .where({ tenant_id: schedule.tenantId, id: schedule.id })
          .delete();
        await addAudit(trx, audit);
      }),
    async find(tenantId, id) {
      if (!isUuid(id)) return undefined;
      const row = (await knex('report_schedules').where({ tenant_id: tenantId, id }).first()) as
        ScheduleRow | undefined;
      return row && toSchedule(row);
    },
    list: (tenantId, page) =>
      listed(
        knex('report_schedules').where({ tenant_id: tenantId }).orderBy(['name', 'id']),
        page,
        toSchedule,
      ),
    runs(tenantId, page, scheduleId) {
      const query = knex('report_runs').where({ tenant_id: tenantId });
      if (scheduleId !== undefined) {
        if (!isUuid(scheduleId)) return Promise.resolve({ items: [], total: 0 });
        void query.where({ schedule_id: scheduleId });
      }
      const newest = { column: 'scheduled_at', order: 'desc' };
      return listed(query.orderBy([newest, { column: 'id', order: 'desc' }]), page, toRun);
    },
    async run(tenantId, id) {
      if (!isUuid(id)) return undefined;
      const row = (await knex('report_runs').where({ tenant_id: tenantId, id }).first()) as
        RunRow | undefined;
      return row && toRun(row);
    },
    queue: (run, audit) =>
      knex.transaction(async (trx) => {
        await trx('report_runs').insert(fromRun(run));
        await addAudit(trx, audit);
      }),
  };
  return withUnavailable(store);
}

async function unlessTaken(write: () => Promise<void>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}
