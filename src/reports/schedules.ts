import { randomUUID } from 'node:crypto';
import type { Actor, AuditAction, AuditEntry, Listed, Page } from '../access/index.ts';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type { ReportStore } from './report-store.ts';
import type { ReportRun } from './run.ts';
import { nextRunMs, type ReportSchedule, type ReportWish } from './schedule.ts';

export interface NewSchedule extends ReportWish {
  weekday: number;
  at: string;
  isEnabled: boolean;
}

/** The schedules of a tenant and what came of them. */
export interface Schedules {
  /** Throws CONFLICT where the name is taken, BAD_REQUEST for a time or zone that is none. */
  create(tenantId: string, wanted: NewSchedule, by: Actor): Promise<ReportSchedule>;
  change(
    schedule: ReportSchedule,
    change: Partial<NewSchedule>,
    by: Actor,
  ): Promise<ReportSchedule>;
  remove(schedule: ReportSchedule, by: Actor): Promise<void>;
  find(tenantId: string, id: string): Promise<ReportSchedule | undefined>;
  list(tenantId: string, page: Page): Promise<Listed<ReportSchedule>>;
  /** Queues the seven days until now for a worker. */
  runNow(schedule: ReportSchedule, by: Actor): Promise<ReportRun>;
  runs(tenantId: string, page: Page, scheduleId?: string): Promise<Listed<ReportRun>>;
  run(tenantId: string, id: string): Promise<ReportRun | undefined>;
}

export function createSchedules({ store, clock }: { store: ReportStore; clock: Clock }): Schedules {
  const audited = (
    action: AuditAction,
    { id, tenantId }: ReportSchedule,
    by: Actor,
    details: AuditEntry['details'],
  ): AuditEntry => ({
    ...{ actor: by, tenantId, action, target: `report-schedule:${id}`, atMs: clock.nowMs() },
    ...(details ? { details } : {}),
  });
  return {
    async create(tenantId, wanted, by) {
      const nowMs = clock.nowMs();
      const schedule: ReportSchedule = {
        ...{ ...wanted, id: randomUUID(), tenantId },
        ...{ createdAtMs: nowMs, nextRunAtMs: nextRunMs(wanted, nowMs) },
      };
      const audit = audited('report_schedule_created', schedule, by, { after: factsOf(schedule) });
      if (!(await store.insert(schedule, audit))) throw nameTaken();
      return schedule;
    },
    async change(before, change, by) {
      const changed = { ...before, ...change };
      // One that is due and not yet taken by a worker stays due, unless its time is what changes.
      const isOtherTime = timeFields.some((field) => changed[field] !== before[field]);
      const nextMs = nextRunMs(changed, clock.nowMs());
      const after = { ...changed, nextRunAtMs: isOtherTime ? nextMs : before.nextRunAtMs };
      const audit = audited('report_schedule_updated', before, by, {
        ...{ before: factsOf(before), after: factsOf(after) },
      });
      if (!(await store.update(after, audit))) throw nameTaken();
      return after;
    },
    remove: (schedule, by) =>
      store.remove(
        schedule,
        audited('report_schedule_deleted', schedule, by, { before: factsOf(schedule) }),
      ),
    find: (tenantId, id) => store.find(tenantId, id),
    list: (tenantId, page) => store.list(tenantId, page),
    async runNow(schedule, by) {
      const { name, tags, timeZone, format, recipients } = schedule;
      const run: ReportRun = {
        ...{ id: randomUUID(), tenantId: schedule.tenantId, scheduleId: schedule.id },
        ...{ kind: 'manual', wanted: { name, tags, timeZone, format, recipients } },
        ...{ scheduledAtMs: clock.nowMs(), status: 'queued', attempts: 0 },
        ...{ startedAtMs: null, finishedAtMs: null, error: null, files: [], mails: [] },
      };
      await store.queue(run, audited('report_run_requested', schedule, by, { run: run.id }));
      return run;
    },
    runs: (tenantId, page, scheduleId) => store.runs(tenantId, page, scheduleId),
    run: (tenantId, id) => store.run(tenantId, id),
  };
}

const timeFields = ['weekday', 'at', 'timeZone', 'isEnabled'] as const;

const factsOf = (schedule: ReportSchedule): Record<string, unknown> => ({
  ...{ name: schedule.name, tags: schedule.tags, weekday: schedule.weekday, at: schedule.at },
  ...{ time_zone: schedule.timeZone, format: schedule.format, enabled: schedule.isEnabled },
  recipients: schedule.recipients,
});

const nameTaken = (): GaugewayError =>
  new GaugewayError('CONFLICT', 'there is a schedule of this name already');
