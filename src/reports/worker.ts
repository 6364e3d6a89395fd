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
/** To a server that does not answer each waits for the mailer's time. */
const mailsAtOnce = 10;
/** Reports whose mails may be on their way at once. */
const mostSending = 8;

export function createReportWorker(deps: Deps): ReportWorker {
  const { queue, clock, lookMs = defaultLookMs, holder } = deps;
  const log = deps.log.child('reports');
  const ending = new AbortController();
  const { runs, seconds } = createMeters(deps.meters);
  let working: Promise<void> = Promise.resolve();
  /** Reports whose mails are on their way, among those being made. */
  const sending = new Set<Promise<void>>();

  async function look(): Promise<void> {
    const nowMs = clock.nowMs();
    const nextOf = (schedule: Parameters<typeof nextRunMs>[0]): number =>
      nextRunMs(schedule, nowMs);
    await queue.due({ nowMs, nextOf, missedBeforeMs: nowMs - missedAfterMs });
    for (;;) {
      if (ending.signal.aborted) return;
      const run = await queue.claim(holder, { nowMs: clock.nowMs(), leaseMs });
      if (!run) return;
      await begin(run);
      while (sending.size >= mostSending) await Promise.race(sending);
    }
  }

  /** Until the files are made: a mail server that does not answer holds up no other report. */
  function begin(run: ReportRun): Promise<void> {
    const startedMs = clock.monotonicMs();
    return new Promise((next) => {
      const done = workOn({ ...deps, signal: ending.signal }, run, { log, onMade: next })
        .then((result) => {
          runs.inc({ result });
          seconds.observe((clock.monotonicMs() - startedMs) / 1_000);
        })
        .catch((error: unknown) => {
          log.warn('report not finished', { run: run.id, error: messageOf(error) });
        })
        .finally(() => {
          sending.delete(done);
          next();
        });
      sending.add(done);
    });
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
      await Promise.all(sending);
    },
  };
}

function createMeters(meters: Meters) {
  return {
    runs: meters.counter({
      name: 'gaugeway_reports_runs_total',
      help: 'Reports by how their making ended.',
      labelNames: ['result'],
    }),
    seconds: meters.histogram({
      name: 'gaugeway_reports_run_seconds',
      help: 'Time to make and send one report.',
      buckets: [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
    }),
  };
}

type Result = 'done' | 'failed' | 'again' | 'taken_over';

interface Working extends Deps {
  /** Aborted at the stop. */
  signal: AbortSignal;
}

async function workOn(
  deps: Working,
  run: ReportRun,
  { log, onMade }: { log: Logger; onMade: () => void },
): Promise<Result> {
  const { queue, holder, clock, signal } = deps;
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
    onMade();
    const unsent = await sendAll(deps, { run, report, made });
    const error = unsent.length === 0 ? {} : { error: `not sent to ${unsent.join(', ')}` };
    const status = unsent.length === 0 ? 'done' : 'failed';
    await queue.finish(run.id, holder, { status, ...error, atMs: clock.nowMs() });
    log.info('report made', { run: run.id, name: wish.name, hosts: report.hosts.length, status });
    return status;
  } catch (error) {
    // What a stop breaks off is no fault of the report.
    const isLast = run.attempts >= mailAttempts && !signal.aborted;
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
async function sendAll(deps: Working, { run, report, made }: Sending): Promise<string[]> {
  const sent = new Set(run.mails.filter(({ isSent }) => isSent).map(({ recipient }) => recipient));
  const waiting = run.wanted.recipients.filter((recipient) => !sent.has(recipient));
  const unsent: string[] = [];
  const sender = async (): Promise<void> => {
    for (let to = waiting.shift(); to !== undefined; to = waiting.shift()) {
      if (!(await sendTo(deps, to, { run, report, made }))) unsent.push(to);
    }
  };
  await Promise.all(Array.from({ length: mailsAtOnce }, sender));
  return unsent;
}

async function sendTo(
  { sendMail, queue, holder, clock, signal }: Working,
  recipient: string,
  { run, report, made }: Sending,
): Promise<boolean> {
  for (let attempt = 1; attempt <= mailAttempts; attempt++) {
    const outcome = await unlessStopped(
      signal,
      sendMail({
        ...{ to: recipient, subject: `${report.name}: ${periodText(report).replace('–', 'to')}` },
        ...{ text: mailText(report, made.files), id: `${run.id}-${recipient}` },
        attachments: made.files.map((file) => ({
          ...{ fileName: file.fileName, media: file.media, path: made.pathOf(file) },
        })),
      }),
    );
    const isSent = outcome.kind === 'sent';
    const mail = { recipient, atMs: clock.nowMs(), isSent, answer: outcome.answer };
    await queue.noteMail(run.id, holder, mail);
    if (isSent) return true;
    if (outcome.kind === 'refused') return false;
    if (attempt < mailAttempts) await sleep(mailBackoffMs * 4 ** (attempt - 1), signal);
  }
  return false;
}

/** What the mail server would say is not waited for at a stop: the report is queued again, and its mail's id the same. */
function unlessStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error('stopped while mails were on their way'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
