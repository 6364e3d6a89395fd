import { messageOf, sleep, type Clock, type Logger, type Meters } from '../platform/index.ts';
import type { BlobStore } from './blob-store.ts';
import { makeFiles, type MadeFiles, type RenderPdf } from './maker.ts';
import { mailText, periodText, type SendReportMail } from './mail.ts';
import type { RunQueue } from './report-store.ts';
import type { ReportRun } from './run.ts';
import { nextRunMs } from './schedule.ts';
import { makeWeeklyReport, type WeekSources } from './weekly.ts';
import type { WeeklyReport } from './weekly-report.ts';

interface Deps {
  queue: RunQueue;
  sources: WeekSources;
  blobs: BlobStore;
  renderPdf: RenderPdf;
  sendMail: SendReportMail;
  workDir: string;
  /** Unique to this process. */
  holder: string;
  clock: Clock;
  log: Logger;
  meters: Meters;
  lookMs?: number;
}

/** Makes reports when they are due and when somebody asks; with others of its kind each is made once. */
export interface ReportWorker {
  start(): void;
  stop(): Promise<void>;
}

const defaultLookMs = 5_000;
/** A worker that is silent for so long is replaced. */
const leaseMs = 60_000;
/** One due longer ago, while no worker ran, is noted as missed. */
const missedAfterMs = 24 * 3_600_000;
const mailAttempts = 3;
const mailBackoffMs = 2_000;

export function createReportWorker(deps: Deps): ReportWorker {
  const { queue, clock, lookMs = defaultLookMs, holder } = deps;
  const log = deps.log.child('reports');
  const ending = new AbortController();
  const runs = deps.meters.counter({
    name: 'gaugeway_reports_runs_total',
    help: 'Reports by how their making ended.',
    labelNames: ['result'],
  });
  const seconds = deps.meters.histogram({
    name: 'gaugeway_reports_run_seconds',
    help: 'Time to make and send one report.',
    buckets: [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
  });
  let working: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    const nowMs = clock.nowMs();
    const nextOf = (schedule: Parameters<typeof nextRunMs>[0]): number =>
      nextRunMs(schedule, nowMs);
    await queue.due({ nowMs, nextOf, missedBeforeMs: nowMs - missedAfterMs });
    for (;;) {
      if (ending.signal.aborted) return;
      const run = await queue.claim(holder, { nowMs: clock.nowMs(), leaseMs });
      if (!run) return;
      const startedMs = clock.monotonicMs();
      const result = await workOn(deps, run, log);
      runs.inc({ result });
      seconds.observe((clock.monotonicMs() - startedMs) / 1_000);
    }
  }

  async function work(): Promise<void> {
    while (!ending.signal.aborted) {
      await look().catch((error: unknown) => {
        log.warn('reports could not be looked for', { error: messageOf(error) });
      });
      await sleep(lookMs, ending.signal).catch(() => undefined);
    }
  }

  return {
    start: () => void (working = work()),
    async stop() {
      ending.abort();
      await working;
    },
  };
}

type Result = 'done' | 'failed' | 'again' | 'taken_over';

async function workOn(deps: Deps, run: ReportRun, log: Logger): Promise<Result> {
  const { queue, holder, clock } = deps;
  let isOurs = true;
  const beat = setInterval(() => {
    queue.extend(run.id, holder, clock.nowMs() + leaseMs).then(
      (isHeld) => (isOurs = isHeld),
      // The lease outlives a few of these.
      () => undefined,
    );
  }, leaseMs / 4).unref();
  let made: MadeFiles | undefined;
  try {
    const wish = run.wanted;
    const endMs = run.scheduledAtMs;
    const report = await makeWeeklyReport(deps.sources, run.tenantId, { wish, endMs });
    made = await makeFiles(deps, run, report);
    isOurs = await queue.noteFiles(run.id, holder, made.files);
    if (!isOurs) return 'taken_over';
    const unsent = await sendAll(deps, { run, report, made });
    const error = unsent.length === 0 ? {} : { error: `not sent to ${unsent.join(', ')}` };
    const status = unsent.length === 0 ? 'done' : 'failed';
    await queue.finish(run.id, holder, { status, ...error, atMs: clock.nowMs() });
    log.info('report made', { run: run.id, name: wish.name, hosts: report.hosts.length, status });
    return status;
  } catch (error) {
    const isLast = run.attempts >= mailAttempts;
    log.warn('report not made', { run: run.id, error: messageOf(error), attempt: run.attempts });
    await queue.finish(run.id, holder, {
      ...{ status: isLast ? 'failed' : 'queued', error: messageOf(error), atMs: clock.nowMs() },
    });
    return isLast ? 'failed' : 'again';
  } finally {
    clearInterval(beat);
    await made?.cleanUp();
  }
}

interface Sending {
  run: ReportRun;
  report: WeeklyReport;
  made: MadeFiles;
}

/** Whom it could not be sent to. A worker that took over does not send again what its predecessor noted as sent. */
async function sendAll(deps: Deps, { run, report, made }: Sending): Promise<string[]> {
  const sent = new Set(run.mails.filter(({ isSent }) => isSent).map(({ recipient }) => recipient));
  const unsent: string[] = [];
  for (const recipient of run.wanted.recipients) {
    if (sent.has(recipient)) continue;
    if (!(await sendTo(deps, recipient, { run, report, made }))) unsent.push(recipient);
  }
  return unsent;
}

async function sendTo(
  { sendMail, queue, holder, clock }: Deps,
  recipient: string,
  { run, report, made }: Sending,
): Promise<boolean> {
  for (let attempt = 1; attempt <= mailAttempts; attempt++) {
    const outcome = await sendMail({
      ...{ to: recipient, subject: `${report.name}: ${periodText(report).replace('–', 'to')}` },
      ...{ text: mailText(report, made.files), id: `${run.id}-${recipient}` },
      attachments: made.files.map((file) => ({
        ...{ fileName: file.fileName, media: file.media, path: made.pathOf(file) },
      })),
    });
    const isSent = outcome.kind === 'sent';
    const mail = { recipient, atMs: clock.nowMs(), isSent, answer: outcome.answer };
    await queue.noteMail(run.id, holder, mail);
    if (isSent) return true;
    if (outcome.kind === 'refused') return false;
    if (attempt < mailAttempts) await sleep(mailBackoffMs * 4 ** (attempt - 1));
  }
  return false;
}
