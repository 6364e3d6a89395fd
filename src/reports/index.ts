/**
 * takes: what somebody wants to keep: a metric, the hosts, the alerts, a week.
 * gives: files, mails with them, and signed addresses at which they can be fetched for an hour.
 * never: holds a whole export in memory; makes one report twice; opens an address that was changed in any byte.
 * see:   docs/reports.md; PRP §5.6, §8.6
 */
export { tenantOfFile, type BlobStore } from './blob-store.ts';
export { csvText } from './csv.ts';
export {
  createExports,
  type Exported,
  type ExportQuestion,
  type Exports,
  type TableRows,
} from './exports.ts';
export type { MailOutcome, ReportMail, SendReportMail } from './mail.ts';
export { createPdfRenderer } from './pdf-renderer.ts';
export type { ReportStore, RunQueue } from './report-store.ts';
export type { ReportRun, RunFile, RunMail } from './run.ts';
export type { ReportSchedule } from './schedule.ts';
export { createSchedules, type NewSchedule, type Schedules } from './schedules.ts';
export { createSignedLinks, type SignedLinks } from './signed-links.ts';
export type { ReportHost, WeekSources } from './weekly.ts';
export { createReportWorker } from './worker.ts';
