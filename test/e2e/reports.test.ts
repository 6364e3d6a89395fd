import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'csv-parse/sync';
import { pdfText } from '../support/pdf-text.ts';
import { caller, listOf, type Call } from '../support/rest.ts';
import { store } from '../support/samples.ts';
import { startSmtp, type ReceivedMail, type SmtpServer } from '../support/smtp.ts';
import { databaseOf } from '../support/sql.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../support/stage.ts';

const stage = new Stage();
let smtp: SmtpServer;
let storage: Awaited<ReturnType<typeof startStorage>>;
let products: Product[];
let admin: Call;
let knex: ReturnType<typeof databaseOf>;

const day = 86_400_000;
const untilMs = Math.floor(Date.now() / 300_000) * 300_000;
/** Every five minutes of the week, by the host's number: what the report must say can be told by hand. */
const valuesOf = (host: number) =>
  Array.from({ length: (7 * day) / 300_000 }, (_, i): [number, number] => [
    ...([untilMs - i * 300_000, host * 10 + (i % 8)] as [number, number]),
  ]);

beforeAll(async () => {
  storage = await startStorage(stage);
  smtp = await startSmtp(stage);
  const env = {
    GAUGEWAY_SMTP_URL: smtp.url,
    GAUGEWAY_SMTP_FROM: 'Gaugeway <reports@example.com>',
    GAUGEWAY_REPORTS_LOOK_INTERVAL: '200ms',
    // Replicas share the directory, as they must without a bucket.
    GAUGEWAY_DATA_DIR: stage.directory(),
  };
  const first = await startProduct(stage, storage, env);
  const second = await startProduct(stage, storage, {
    ...env,
    GAUGEWAY_DATABASE_URL: first.postgres.url,
  });
  products = [first, second];
  admin = caller(first, first.adminToken);
  knex = databaseOf(stage, first);
  for (const n of [1, 2, 3]) {
    const tags = { role: n === 3 ? 'db' : 'web' };
    await admin('POST', '/api/v1/hosts', { hostname: `report-${String(n)}`, tags });
  }
  await store(
    storage.target,
    [1, 2, 3].flatMap((n) => [
      { metric: 'cpu_utilization', hostId: `report-${String(n)}`, points: valuesOf(n) },
      { metric: 'mem_used_pct', hostId: `report-${String(n)}`, points: valuesOf(n + 4) },
    ]),
  );
  await until('the samples are found', async () => {
    const { body } = await admin('GET', '/api/v1/hosts/report-1?range=7d');
    return ((body['metrics'] as Record<string, unknown[]>)['cpu.utilization'] ?? []).length > 0;
  });
}, 180_000);
afterAll(() => stage.end(), 60_000);

const schedule = async (more: object): Promise<string> => {
  const { status, body } = await admin('POST', '/api/v1/reports/schedules', {
    ...{ recipients: ['boss@example.com'], time_zone: 'Europe/Berlin', ...more },
  });
  expect(status).toBe(201);
  return String(body['id']);
};
/** Its time comes now, as if the week had gone by. */
const makeDue = (id: string, agoMs = 1_000) =>
  knex('report_schedules')
    .where({ id })
    .update({ next_run_at: new Date(Date.now() - agoMs) });
const runsOf = async (id: string) =>
  listOf(await admin('GET', `/api/v1/reports/runs?schedule_id=${id}`), 'runs');
const ended = (id: string) =>
  until(
    'the run has ended',
    async () => {
      const [run] = await runsOf(id);
      return ['done', 'failed', 'missed'].includes(String(run?.['status']));
    },
    120_000,
  );
const partsOf = (mail: ReceivedMail, type: string): Buffer[] =>
  mail.source
    .split(/\r?\n--/)
    .filter((part) => part.toLowerCase().includes(`content-type: ${type}`))
    .map((part) =>
      Buffer.from(
        part
          .split(/\r?\n\r?\n/)
          .slice(1)
          .join(''),
        'base64',
      ),
    );

describe('a weekly report', () => {
  it('AC-BE-007: is made and mailed as PDF when its time comes, once, by one of two workers', async () => {
    const id = await schedule({ name: 'Weekly', tags: { role: 'web' } });
    const planned = await admin('GET', `/api/v1/reports/schedules/${id}`);
    const next = new Date(String(planned.body['next_run_at']));
    const berlin = new Intl.DateTimeFormat('en-GB', {
      ...{ timeZone: 'Europe/Berlin', weekday: 'long', hour: '2-digit', minute: '2-digit' },
    });
    expect(berlin.format(next)).toBe('Sunday 00:00');
    await makeDue(id);
    await ended(id);
    const [run, ...others] = await runsOf(id);
    expect(others).toEqual([]);
    expect(run).toMatchObject({ status: 'done', kind: 'scheduled', attempts: 1, error: null });
    const lateMs =
      Date.parse(String(run?.['finished_at'])) - Date.parse(String(run?.['scheduled_at']));
    expect(lateMs).toBeLessThan(300_000);
    const mails = smtp.mails.filter(({ headers }) => headers['subject']?.startsWith('Weekly:'));
    expect(mails.map(({ to }) => to)).toEqual(['boss@example.com']);
    const [pdf] = partsOf(mails[0] as ReceivedMail, 'application/pdf');
    expect(pdf?.subarray(0, 5).toString()).toBe('%PDF-');
    const words = pdfText(pdf ?? Buffer.alloc(0));
    // Average, 95th percentile and maximum of 20 to 27, and of 60 to 67.
    expect(words).toContain('report-2 23.5 27.0 27.0 63.5 67.0 67.0');
    expect(words).toContain('report-1 13.5 17.0 17.0 53.5 57.0 57.0');
    expect(words).not.toContain('report-3');
    const again = await admin('GET', `/api/v1/reports/schedules/${id}`);
    expect(String(again.body['next_run_at'])).toBe(next.toISOString());
  });

  it('is made when somebody asks, as CSV too, and can be fetched from the history', async () => {
    const id = await schedule({ name: 'By hand', format: 'both', recipients: [] });
    const asked = await admin('POST', `/api/v1/reports/schedules/${id}/run`);
    expect([asked.status, asked.body['kind']]).toEqual([202, 'manual']);
    await ended(id);
    const { body } = await admin('GET', `/api/v1/reports/runs/${String(asked.body['id'])}`);
    const files = body['files'] as { media_type: string; download_url: string }[];
    expect(files.map(({ media_type: type }) => type)).toEqual([
      ...['application/pdf', 'text/csv; charset=utf-8'],
    ]);
    const csv = await (await fetch(files[1]?.download_url ?? '')).text();
    const rows = parse<Record<string, string>>(csv, { bom: true, columns: true });
    expect(
      rows.map((row) => [row['host_id'], row['cpu_avg'], row['cpu_p95'], row['cpu_max']]),
    ).toEqual([
      ...[
        ['report-3', '33.5', '37', '37'],
        ['report-2', '23.5', '27', '27'],
      ],
      ['report-1', '13.5', '17', '17'],
    ]);
    const pdf = await fetch(files[0]?.download_url ?? '');
    expect(pdf.headers.get('content-type')).toBe('application/pdf');
  });

  it('says what the mail server said, and tries the others', async () => {
    smtp.refuse({ recipient: '550 5.1.1 no such person' });
    const id = await schedule({ name: 'Refused', recipients: ['nobody@example.com'] });
    await makeDue(id);
    await ended(id);
    smtp.refuse(undefined);
    const [run] = await runsOf(id);
    expect(run).toMatchObject({
      ...{ status: 'failed', error: 'not sent to nobody@example.com' },
      mails: [
        { recipient: 'nobody@example.com', sent: false, answer: expect.stringMatching(/550/) },
      ],
    });
    expect(run?.['files']).toHaveLength(1);
  });

  it('is made after a restart when its time came meanwhile, and noted as missed a day later', async () => {
    const late = await schedule({ name: 'Late' });
    const missed = await schedule({ name: 'Missed' });
    await makeDue(late, 23 * 3_600_000);
    await makeDue(missed, 25 * 3_600_000);
    await ended(late);
    await ended(missed);
    expect((await runsOf(late)).map(({ status }) => status)).toEqual(['done']);
    expect((await runsOf(missed)).map(({ status }) => status)).toEqual(['missed']);
  });

  it('of a worker that was killed is made by another one', async () => {
    const id = await schedule({ name: 'Taken over', recipients: [] });
    const run = await admin('POST', `/api/v1/reports/schedules/${id}/run`);
    await ended(id);
    // As the dead worker left it: claimed, its lease over.
    await knex('report_runs')
      .where({ id: String(run.body['id']) })
      .update({
        ...{ status: 'running', holder: 'a dead worker', finished_at: null, files: '[]' },
        lease_until: new Date(Date.now() - 1_000),
      });
    await products[1]?.kill('SIGKILL');
    await ended(id);
    expect((await runsOf(id))[0]).toMatchObject({ status: 'done', attempts: 2 });
    await products[1]?.restart();
  });

  it('is refused with a wish that cannot be met', async () => {
    for (const bad of [
      ...[
        { time_zone: 'Mars/Olympus' },
        { at: '24:00' },
        { weekday: 'someday' },
        { format: 'doc' },
      ],
      ...[{ recipients: ['x\r\nBcc: y@example.com'] }, { name: '' }, { tags: { tenant: 'x' } }],
      { more: 1 },
    ]) {
      const { status } = await admin('POST', '/api/v1/reports/schedules', { name: 'Bad', ...bad });
      expect([bad, status]).toEqual([bad, 400]);
    }
    await schedule({ name: 'Twice' });
    const twice = await admin('POST', '/api/v1/reports/schedules', { name: 'Twice' });
    expect(twice.status).toBe(409);
  });
});

describe('a mail server that takes connections and says nothing', () => {
  it('holds up no other report, and no stop', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    stage.onEnd(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const { port } = silent.address() as AddressInfo;
    const product = await startProduct(stage, storage, {
      GAUGEWAY_SMTP_URL: `smtp://127.0.0.1:${String(port)}`,
      GAUGEWAY_REPORTS_LOOK_INTERVAL: '200ms',
    });
    const call = caller(product, product.adminToken);
    const path = '/api/v1/reports/schedules';
    const run = async (name: string): Promise<() => Promise<Record<string, unknown>>> => {
      const recipients = ['a@example.com', 'b@example.com', 'c@example.com'];
      const made = await call('POST', path, { name, recipients });
      const { body } = await call('POST', `${path}/${String(made.body['id'])}/run`);
      return async () => (await call('GET', `/api/v1/reports/runs/${String(body['id'])}`)).body;
    };
    const [first, second] = [await run('One'), await run('Two')];
    await until('both have their files', async () => {
      const files = [await first(), await second()].map((one) => one['files'] as unknown[]);
      return files.every((of) => of.length > 0);
    });
    expect((await first())['status']).toBe('running');
    await until('all are asked', () => Promise.resolve(sockets.size >= 6));
    await product.kill('SIGTERM');
    expect(product.said()).not.toContain('did not stop');
  });
});
