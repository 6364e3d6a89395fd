import type { ReportWish } from './schedule.ts';

export type RunStatus = 'queued' | 'running' | 'done' | 'failed' | 'missed';

export interface RunFile {
  /** In the store. */
  name: string;
  /** As people see it. */
  fileName: string;
  media: string;
  bytes: number;
}

/** One attempt to send the report to one address. */
export interface RunMail {
  recipient: string;
  atMs: number;
  isSent: boolean;
  /** What the mail server said, or why it was not asked. */
  answer: string;
}

/** One report that was made, is being made, or could not be. */
export interface ReportRun {
  id: string;
  tenantId: string;
  scheduleId: string | null;
  kind: 'scheduled' | 'manual';
  wanted: ReportWish;
  /** The end of the week that it is about. */
  scheduledAtMs: number;
  status: RunStatus;
  attempts: number;
  startedAtMs: number | null;
  finishedAtMs: number | null;
  error: string | null;
  files: readonly RunFile[];
  mails: readonly RunMail[];
}
