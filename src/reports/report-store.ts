import type { AuditEntry, Listed, Page } from '../access/index.ts';
import type { ReportRun, RunFile, RunMail } from './run.ts';
import type { ReportSchedule } from './schedule.ts';

/** Port: schedules and runs. An id of another tenant is an unknown id. */
export interface ReportStore {
  /** False where the tenant has a schedule of this name. */
  insert(schedule: ReportSchedule, audit: AuditEntry): Promise<boolean>;
  update(schedule: ReportSchedule, audit: AuditEntry): Promise<boolean>;
  remove(schedule: ReportSchedule, audit: AuditEntry): Promise<void>;
  find(tenantId: string, id: string): Promise<ReportSchedule | undefined>;
  list(tenantId: string, page: Page): Promise<Listed<ReportSchedule>>;
  /** Newest first. */
  runs(tenantId: string, page: Page, scheduleId?: string): Promise<Listed<ReportRun>>;
  run(tenantId: string, id: string): Promise<ReportRun | undefined>;
  queue(run: ReportRun, audit: AuditEntry): Promise<void>;
}

/** Port: what makes each report once among replicas. */
export interface RunQueue {
  /**
   * Turns schedules that are due into runs and moves them to their next time, each once whoever else looks; those due
   * before `missedBeforeMs` become runs that say so. The number of new runs.
   */
  due(options: {
    nowMs: number;
    missedBeforeMs: number;
    nextOf: (schedule: ReportSchedule) => number;
  }): Promise<number>;
  /** Takes the oldest run that nobody works on, or whose worker has been silent. */
  claim(
    holder: string,
    options: { nowMs: number; leaseMs: number },
  ): Promise<ReportRun | undefined>;
  /** False where the run was taken over. */
  extend(id: string, holder: string, untilMs: number): Promise<boolean>;
  noteFiles(id: string, holder: string, files: readonly RunFile[]): Promise<boolean>;
  noteMail(id: string, holder: string, mail: RunMail): Promise<boolean>;
  finish(
    id: string,
    holder: string,
    end: { status: 'done' | 'failed' | 'queued'; error?: string; atMs: number },
  ): Promise<void>;
}
