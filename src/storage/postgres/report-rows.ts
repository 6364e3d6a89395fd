import type { ReportRun, ReportSchedule, RunFile, RunMail } from '../../reports/index.ts';
import { toDate, toDateOrNull, toMs, toMsOrNull } from './rows.ts';

export interface ScheduleRow {
  id: string;
  tenant_id: string;
  name: string;
  tags: Record<string, string>;
  weekday: number;
  at: string;
  time_zone: string;
  format: ReportSchedule['format'];
  recipients: string[];
  enabled: boolean;
  created_at: Date;
  next_run_at: Date;
}

export interface RunRow {
  id: string;
  tenant_id: string;
  schedule_id: string | null;
  kind: ReportRun['kind'];
  wanted: ReportRun['wanted'];
  scheduled_at: Date;
  status: ReportRun['status'];
  attempts: number;
  started_at: Date | null;
  finished_at: Date | null;
  error: string | null;
  files: RunFile[];
  mails: RunMail[];
}

export const toSchedule = (row: ScheduleRow): ReportSchedule => ({
  ...{ id: row.id, tenantId: row.tenant_id, name: row.name, tags: row.tags },
  ...{ weekday: row.weekday, at: row.at, timeZone: row.time_zone, format: row.format },
  ...{ recipients: row.recipients, isEnabled: row.enabled },
  ...{ createdAtMs: toMs(row.created_at), nextRunAtMs: toMs(row.next_run_at) },
});

export const fromSchedule = (schedule: ReportSchedule) => ({
  ...{ id: schedule.id, tenant_id: schedule.tenantId, name: schedule.name },
  ...{ tags: JSON.stringify(schedule.tags), weekday: schedule.weekday, at: schedule.at },
  ...{ time_zone: schedule.timeZone, format: schedule.format, enabled: schedule.isEnabled },
  recipients: [...schedule.recipients],
  ...{ created_at: toDate(schedule.createdAtMs), next_run_at: toDate(schedule.nextRunAtMs) },
});

export const toRun = (row: RunRow): ReportRun => ({
  ...{ id: row.id, tenantId: row.tenant_id, scheduleId: row.schedule_id, kind: row.kind },
  ...{ wanted: row.wanted, scheduledAtMs: toMs(row.scheduled_at), status: row.status },
  ...{ attempts: row.attempts, error: row.error, files: row.files, mails: row.mails },
  ...{ startedAtMs: toMsOrNull(row.started_at), finishedAtMs: toMsOrNull(row.finished_at) },
});

export const fromRun = (run: ReportRun) => ({
  ...{ id: run.id, tenant_id: run.tenantId, schedule_id: run.scheduleId, kind: run.kind },
  ...{ wanted: JSON.stringify(run.wanted), scheduled_at: toDate(run.scheduledAtMs) },
  ...{ status: run.status, attempts: run.attempts, error: run.error },
  ...{ files: JSON.stringify(run.files), mails: JSON.stringify(run.mails) },
  ...{ started_at: toDateOrNull(run.startedAtMs), finished_at: toDateOrNull(run.finishedAtMs) },
});
