import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caller, type Call } from '../support/rest.ts';
import { s3Keys, startS3, type S3Stub } from '../support/s3.ts';
import { steady, store } from '../support/samples.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../support/stage.ts';

const stage = new Stage();
let dataDir: string;
let product: Product;
let withBucket: Product;
let s3: S3Stub;
let reader: Call;
const untilMs = Math.floor(Date.now() / 60_000) * 60_000;

beforeAll(async () => {
  const storage = await startStorage(stage);
  dataDir = stage.directory();
  product = await startProduct(stage, storage, { GAUGEWAY_DATA_DIR: dataDir });
  s3 = await startS3(stage);
  withBucket = await startProduct(stage, storage, {
    GAUGEWAY_DATABASE_URL: product.postgres.url,
    GAUGEWAY_REPORTS_S3_ENDPOINT: s3.endpoint,
    GAUGEWAY_REPORTS_S3_BUCKET: 'exports',
    GAUGEWAY_REPORTS_S3_ACCESS_KEY_ID: s3Keys.accessKeyId,
    GAUGEWAY_REPORTS_S3_SECRET_ACCESS_KEY: s3Keys.secretAccessKey,
  });
  reader = caller(product, `Bearer ${product.readKey}`);
  await caller(product, product.adminToken)('POST', '/api/v1/hosts', {
    ...{ id: 'exp-1', hostname: '=cmd|web-1', tags: { note: '+danger' } },
  });
  await store(storage.target, [
    {
      ...{ metric: 'cpu_utilization', hostId: 'exp-1' },
      points: steady(12.5, { untilMs, forMs: 3 * 3_600_000 }),
    },
  ]);
  await until('the samples are found', async () => {
    const { body } = await reader(
      'GET',
      '/api/v1/metrics/query?host_id=exp-1&metric=cpu.utilization&range=24h',
    );
    return (body['datapoints'] as unknown[]).length > 0;
  });
}, 120_000);
afterAll(() => stage.end(), 60_000);

const wanted = { format: 'csv', host_id: 'exp-1', metric: 'cpu.utilization', range: '24h' };
const rowsOf = (csv: string): string[][] => parse(csv, { bom: true });

async function exported(body: object, call = reader): Promise<string> {
  const { status, body: answer } = await call('POST', '/api/v1/reports/export', body);
  expect([status, answer]).toMatchObject([200, { download_url: expect.any(String) }]);
  const inMs = Date.parse(String(answer['expires_at'])) - Date.now();
  expect(inMs).toBeGreaterThan(3_000_000);
  expect(inMs).toBeLessThanOrEqual(3_600_000);
  return String(answer['download_url']);
}

describe('an export', () => {
  it('is a file at a signed address, as PRP §8.6 prints it, that needs no other credential', async () => {
    const url = await exported(wanted);
    expect(url.startsWith(`${product.url}/exports/`)).toBe(true);
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename="cpu\.utilization-exp-1-\d{8}T\d{4}\.csv"$/,
    );
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    const [header, ...rows] = rowsOf(await answer.text());
    expect(header).toEqual(['timestamp', 'host_id', 'hostname', 'metric', 'value', 'unit']);
    expect(rows.length).toBeGreaterThanOrEqual(178);
    expect(new Set(rows.map((row) => row.slice(1).join('|')))).toEqual(
      new Set(["exp-1|'=cmd|web-1|cpu.utilization|12.5|%"]),
    );
  });

  it('as it was sent has every sample once, whatever the range', async () => {
    const { range, ...rest } = wanted;
    expect(range).toBe('24h');
    const start = new Date(untilMs - 7_200_000).toISOString();
    const end = new Date(untilMs).toISOString();
    const url = await exported({ ...rest, start, end, resolution: 'raw' });
    const [, ...rows] = rowsOf(await (await fetch(url)).text());
    const times = rows.map(([at]) => Date.parse(at ?? ''));
    expect(times).toEqual(Array.from({ length: 1_440 }, (_, i) => untilMs - (1_439 - i) * 5_000));
  });

  it.each([
    ['longer than anything is kept', '1970-01-01T00:00:00Z', '2026-11-23T00:00:00Z'],
    ['that is none', '2026-11-23T00:00:00Z', '2026-11-23T00:00:00Z'],
  ])('as it was sent over a span %s is refused', async (_what, start, end) => {
    const asked = { format: 'csv', host_id: 'exp-1', metric: 'cpu.utilization', start, end };
    const body = { ...asked, resolution: 'raw' };
    expect((await reader('POST', '/api/v1/reports/export', body)).status).toBe(400);
  });

  it('of the hosts and of the alerts has no formula in it', async () => {
    const hosts = rowsOf(
      await (await fetch(await exported({ format: 'csv', table: 'hosts' }))).text(),
    );
    expect(hosts[1]?.slice(0, 2)).toEqual(['exp-1', "'=cmd|web-1"]);
    const alerts = await (await fetch(await exported({ format: 'csv', table: 'alerts' }))).text();
    expect(rowsOf(alerts)[0]?.slice(0, 3)).toEqual(['id', 'rule', 'host_id']);
  });

  it('opens for nobody whose address was changed, nor by another way', async () => {
    const url = await exported(wanted);
    const { pathname, search } = new URL(url);
    for (const path of [
      ...[`${pathname}${search}x`, `${pathname}${search.replace('expires=', 'expires=9')}`],
      ...[pathname, `${pathname}?sig=x`, `/exports/..%2f..%2fsigning-key${search}`, `/exports/%00`],
      `${pathname}${search}&more=1`,
    ]) {
      const answer = await fetch(product.url + path);
      expect([path, answer.status]).toEqual([path, 403]);
    }
    const { error } = (await (await fetch(product.url + pathname)).json()) as { error: object };
    expect(error).toMatchObject({ code: 'FORBIDDEN', details: { reason: 'changed' } });
  });

  it('is refused for what is not there, and leaves nothing behind', async () => {
    const ask = (more: object) => reader('POST', '/api/v1/reports/export', { ...wanted, ...more });
    const unknown = await ask({ metric: 'cpu.utilisation' });
    expect([unknown.status, unknown.body['error']]).toMatchObject([
      ...[400, { details: { near: expect.arrayContaining(['cpu.utilization']) } }],
    ]);
    expect((await ask({ host_id: 'nobody' })).status).toBe(404);
    for (const bad of [{ format: 'xlsx' }, { range: '2h' }, { start: 'x' }, { more: 1 }]) {
      expect([bad, (await ask(bad)).status]).toEqual([bad, 400]);
    }
    expect(await readdir(join(dataDir, 'exports', 'work'))).toEqual([]);
  });
});

describe('with an S3-compatible store', () => {
  it('is fetched from there by a presigned address, which opens for nobody who changed it', async () => {
    const url = await exported(wanted, caller(withBucket, `Bearer ${product.readKey}`));
    expect(url.startsWith(`${s3.endpoint}/exports/`)).toBe(true);
    expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('3600');
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-disposition')).toContain('attachment');
    expect(rowsOf(await answer.text())[0]?.[0]).toBe('timestamp');
    for (const changed of [
      ...[
        url.replace('3600', '9999'),
        url.replace(/Signature=\w/, 'Signature=0'),
        url.split('?')[0],
      ],
    ]) {
      expect((await fetch(String(changed))).status).toBe(403);
    }
  });
});
