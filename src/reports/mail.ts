import type { RunFile } from './run.ts';
import type { WeeklyReport } from './weekly-report.ts';

export interface ReportMail {
  to: string;
  subject: string;
  text: string;
  /** The same in every attempt, so that mail servers can drop a repeat. */
  id: string;
  attachments: readonly { fileName: string; media: string; path: string }[];
}

export type MailOutcome =
  | { kind: 'sent'; answer: string }
  /** `again`: another attempt may do better. */
  | { kind: 'again' | 'refused'; answer: string };

/** Port: one attempt to hand a mail to the mail server. */
export type SendReportMail = (mail: ReportMail) => Promise<MailOutcome>;

/** What the mail says beside the attached report. */
export function mailText(report: WeeklyReport, files: readonly RunFile[]): string {
  const alerts = report.rules.reduce((sum, rule) => sum + rule.alerts, 0);
  const silent = report.hosts.filter(({ isSilent }) => isSilent).length;
  const filling = report.hosts.filter(({ disks }) => (disks[0]?.daysUntilFull ?? 99) <= 30).length;
  const busiest = report.hosts
    .filter(({ cpu }) => cpu !== null)
    .slice(0, 5)
    .map(({ hostname, cpu }) => `  ${hostname}: CPU p95 ${(cpu?.p95 ?? 0).toFixed(1)} %`);
  return [
    `${report.name}: ${periodText(report)}`,
    '',
    `${report.hosts.length} hosts, ${alerts} alerts, ${silent} silent now, ${filling} with a disk that is full within 30 days.`,
    ...(busiest.length > 0 ? ['', 'Busiest hosts:', ...busiest] : []),
    '',
    `Attached: ${files.map(({ fileName }) => fileName).join(', ')}.`,
  ].join('\n');
}

/** `16 Nov 2026 – 22 Nov 2026 (Europe/Berlin)`: the days that it is about. */
export function periodText({ startMs, endMs, timeZone }: WeeklyReport): string {
  const day = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'medium' });
  // Midnight of the last day is the end of the day before.
  return `${day.format(startMs)} – ${day.format(endMs - 1)} (${timeZone})`;
}
