import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { database, send, type Rows } from '../../support/alerts.ts';
import { startReceiver } from '../../support/receiver.ts';
import { startSmtp } from '../../support/smtp.ts';
import { percentile, Stage, startProduct, startStorage, until } from '../../support/stage.ts';
import { print, type Table } from '../report.ts';

const sampleEveryMs = 5_000;

interface Options {
  hosts: number;
  /** Each host goes over the threshold at a moment of its own within this time. */
  seconds: number;
}

interface Marks {
  /** Of the first sample above the threshold. */
  breachMs: number;
  slotMs: number;
  queuedMs: number;
  mailMs: number;
  postMs: number;
}

/** From the first sample above a threshold to the message at a mail server and at a web server: rules every 30 s. */
export async function benchAlertLatency(options: Options): Promise<Table[]> {
  const stage = new Stage();
  try {
    const table = toTable(await measure(stage, options), options);
    print(table);
    return [table];
  } finally {
    await stage.end();
  }
}

async function measure(stage: Stage, { hosts, seconds }: Options): Promise<Marks[]> {
  const [smtp, receiver] = [await startSmtp(stage), await startReceiver(stage)];
  const folder = stage.directory();
  writeFileSync(join(folder, 'hot.yaml'), rulesFor(receiver.url));
  const product = await startProduct(stage, await startStorage(stage), {
    GAUGEWAY_RULES_DIR: folder,
    GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true',
    GAUGEWAY_SMTP_URL: smtp.url,
  });
  const rows = await database(stage, product);
  const seen = { mail: new Map<string, number>(), post: new Map<string, number>() };
  const breaches = new Map<string, number>();
  const startMs = Date.now();
  const timers = Array.from({ length: hosts }, (_, i) => {
    const host = `h-${i}`;
    const hotMs = startMs + 10_000 + Math.random() * seconds * 1_000;
    return everyTick(Math.random() * sampleEveryMs, () => {
      const atMs = Date.now();
      const isHot = atMs >= hotMs;
      if (isHot && !breaches.has(host)) breaches.set(host, atMs);
      const labels = { __name__: 'cpu_utilization', host_id: host };
      void send(product, [{ labels, value: isHot ? 97 : 20, timestampMs: atMs }]);
    });
  });
  const look = setInterval(() => {
    note(seen.mail, smtp.mails.map(({ source }) => source.replaceAll('=\r\n', '')).join('\n'));
    note(seen.post, receiver.posts.map(({ body }) => body).join('\n'));
  }, 50);
  try {
    await until(
      'all are told',
      () => Promise.resolve(seen.mail.size === hosts && seen.post.size === hosts),
      (seconds + 120) * 1_000,
    );
  } finally {
    for (const timer of timers) timer.stop();
    clearInterval(look);
  }
  return marksOf(rows, breaches, seen);
}

function everyTick(afterMs: number, work: () => void): { stop(): void } {
  let timer: NodeJS.Timeout = setTimeout(() => {
    work();
    timer = setInterval(work, sampleEveryMs);
  }, afterMs);
  return { stop: () => clearInterval(timer) };
}

/** First sight of each host's name in what a receiver has. */
function note(seen: Map<string, number>, text: string): void {
  for (const [, host = ''] of text.matchAll(/host_id(?:: |":")(h-\d+)\b/g)) {
    if (!seen.has(host)) seen.set(host, Date.now());
  }
}

async function marksOf(
  rows: Rows,
  breaches: ReadonlyMap<string, number>,
  seen: { mail: ReadonlyMap<string, number>; post: ReadonlyMap<string, number> },
): Promise<Marks[]> {
  const stored = await rows(
    `SELECT i.host_id, i.opened_at_ms, min(extract(epoch FROM d.created_at) * 1000) AS queued_ms
     FROM incidents i JOIN deliveries d ON d.incident_id = i.id GROUP BY i.id`,
  );
  return stored.map((row) => {
    const host = String(row['host_id']);
    return {
      breachMs: breaches.get(host) ?? NaN,
      slotMs: Number(row['opened_at_ms']),
      queuedMs: Number(row['queued_ms']),
      mailMs: seen.mail.get(host) ?? NaN,
      postMs: seen.post.get(host) ?? NaN,
    };
  });
}

function toTable(marks: readonly Marks[], { hosts, seconds }: Options): Table {
  const stages: [string, (mark: Marks) => number][] = [
    ['sample → slot of the evaluation', ({ breachMs, slotMs }) => slotMs - breachMs],
    ['slot → state and outbox stored', ({ slotMs, queuedMs }) => queuedMs - slotMs],
    ['outbox → webhook received', ({ queuedMs, postMs }) => postMs - queuedMs],
    ['outbox → mail received', ({ queuedMs, mailMs }) => mailMs - queuedMs],
    ['sample → webhook received', ({ breachMs, postMs }) => postMs - breachMs],
    ['sample → mail received', ({ breachMs, mailMs }) => mailMs - breachMs],
  ];
  const seconds1 = (ms: number) => (ms / 1_000).toFixed(2);
  return {
    title: `Breach to message: ${hosts} hosts at random moments of ${seconds} s, samples every 5 s, rules every 30 s`,
    columns: ['stage', 'p50 s', 'p95 s', 'max s'],
    rows: stages.map(([name, of]) => {
      const values = marks.map(of);
      const at = (p: number) => seconds1(percentile(values, p));
      return [name, at(50), at(95), seconds1(Math.max(...values))];
    }),
  };
}

const rulesFor = (url: string) => `
interval: 30s
rules:
  - id: hot
    name: CPU Hot
    expression: cpu.utilization > 90
    duration: static
    severity: critical
    channels: ['email:ops@example.com', 'webhook:${url}']
`;
