import snappyjs from 'snappyjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceWriteRequest } from '../../src/wire/index.ts';
import { caller, type Call } from '../support/rest.ts';
import { databaseOf } from '../support/sql.ts';
import { Stage, startProduct, startStorage, until, type Product } from '../support/stage.ts';
import { makeTenant, type TenantAccess } from '../support/tenants.ts';

const stage = new Stage();
let storage: Awaited<ReturnType<typeof startStorage>>;
let product: Product;
let root: Call;
let birch: TenantAccess;
let cedar: TenantAccess;

beforeAll(async () => {
  storage = await startStorage(stage);
  product = await startProduct(stage, storage, {
    GAUGEWAY_FORWARD_JOURNAL_CONFIRM_AFTER: '1s',
    GAUGEWAY_INGEST_LIMITS_MAX_METRIC_NAMES: '3',
    GAUGEWAY_ALERTS_INTERVAL: '1s',
  });
  root = caller(product, product.adminToken);
  birch = await makeTenant(product, 'birch');
  cedar = await makeTenant(product, 'cedar', { max_metric_names: 100, max_label_value_bytes: 64 });
});

afterAll(() => stage.end());

/** Posts one sample of each name: the status and the text of the answer. */
async function write(key: string, ...names: string[]): Promise<{ status: number; text: string }> {
  const timeseries = names.map((name) => ({
    labels: [{ name: '__name__', value: name }],
    samples: [{ value: 1, timestamp: Date.now() }],
  }));
  return post(key, { timeseries });
}

async function post(key: string, request: object): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${product.url}/api/v1/write`, {
    method: 'POST',
    headers: {
      ...{ 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      authorization: `Bearer ${key}`,
    },
    body: Buffer.from(snappyjs.compress(referenceWriteRequest.encode(request))),
  });
  return { status: answer.status, text: await answer.text() };
}

async function countOf(tenant: TenantAccess): Promise<unknown> {
  const ask = caller(product, `Bearer ${tenant.read}`);
  const { body } = await ask('GET', '/api/v1/query?query=count(%7B__name__%3D~%22.%2B%22%7D)');
  const { result } = body['data'] as { result: { value: unknown[] }[] };
  return result[0]?.value[1];
}

describe('budgets of a tenant', () => {
  it('refuse a metric name too many by its reason, and take series of known names', async () => {
    expect((await write(birch.write, 'node_one', 'node_two', 'node_three')).status).toBe(204);
    const over = await write(birch.write, 'node_one', 'node_four');
    expect(over.status).toBe(400);
    expect(over.text).toContain('metric_names_budget');
    expect((await write(birch.write, 'node_three')).status).toBe(204);
    expect((await write(cedar.write, 'node_a', 'node_b', 'node_c', 'node_d')).status).toBe(204);
  });

  it('are in force for labels that were known before they changed', async () => {
    const long = (length: number) =>
      post(birch.write, {
        timeseries: [
          {
            labels: [
              { name: '__name__', value: 'node_one' },
              { name: 'text', value: 'x'.repeat(length) },
            ],
            samples: [{ value: 1, timestamp: Date.now() }],
          },
        ],
      });
    expect((await long(100)).status).toBe(204);
    await root('PATCH', '/api/v1/tenants/birch', { policy: { max_label_value_bytes: 64 } });
    expect(await long(100)).toMatchObject({
      status: 400,
      text: expect.stringContaining('label_value_too_long'),
    });
    expect((await long(64)).status).toBe(204);
  });

  it('are shown beside what was used, to the tenant itself and to the installation', async () => {
    await until('usage is saved', async () => {
      const { body } = await root('GET', '/api/v1/tenants/birch/usage');
      return Number((body['total'] as Record<string, number>)['metric_names']) === 3;
    });
    const own = caller(product, birch.admin);
    const { body } = await own('GET', '/api/v1/usage');
    expect(body).toMatchObject({
      tenant: 'birch',
      budgets: { metric_names: { limit: 3, used: 3, share: 1 } },
    });
    expect((body['total'] as Record<string, number>)['samples']).toBeGreaterThanOrEqual(6);
    expect((await own('GET', '/api/v1/tenants/cedar/usage')).status).toBe(403);
    const csv = await fetch(`${product.url}/api/v1/usage?format=csv`, {
      headers: { authorization: `Bearer ${birch.read}` },
    });
    const text = await csv.text();
    expect(text.split('\r\n')[0]).toContain('tenant,hour,samples,refused_samples');
    expect(text).toContain('\nbirch,');
    expect(text).not.toContain('cedar');
  });

  it('are metrics of the gateway', async () => {
    const scraped = await fetch(`${product.url}/metrics`, {
      headers: { authorization: product.adminToken },
    });
    const text = await scraped.text();
    expect(text).toContain(
      'gaugeway_tenant_budget_used{tenant_id="birch",budget="metric_names"} 3',
    );
    expect(text).toContain(
      'gaugeway_tenant_budget_limit{tenant_id="birch",budget="metric_names"} 3',
    );
  });
});

describe('a suspended tenant', () => {
  it('is refused with the reason whatever it does, keeps what it has, and is served again', async () => {
    await until('birch can read', async () => (await countOf(birch)) !== undefined);
    const before = await countOf(birch);
    const { refresh } = await login('birch');
    const suspended = await root('POST', '/api/v1/tenants/birch/suspend', { reason: 'not paid' });
    expect(suspended).toMatchObject({
      status: 200,
      body: { status: 'suspended', status_reason: 'not paid' },
    });
    expect(await write(birch.write, 'node_one')).toEqual({
      ...{ status: 403, text: 'forbidden: the tenant is suspended\n' },
    });
    const reader = caller(product, `Bearer ${birch.read}`);
    expect(await reader('GET', '/api/v1/hosts')).toMatchObject({
      status: 403,
      body: { error: { details: { reason: 'suspended' } } },
    });
    expect(await reader('GET', '/api/v1/query?query=up')).toMatchObject({
      status: 403,
      body: { errorType: 'forbidden', error: 'This tenant is suspended' },
    });
    // Its session has ended.
    expect((await caller(product, birch.admin)('GET', '/api/v1/hosts')).status).toBe(401);
    expect((await login('birch')).status).toBe(403);
    const nobody = caller(product, '');
    const again = await nobody('POST', '/api/v1/auth/refresh', { refresh_token: refresh });
    expect(again.status).toBe(401);
    expect((await write(cedar.write, 'node_a')).status).toBe(204);

    expect((await root('POST', '/api/v1/tenants/birch/resume')).body).toMatchObject({
      ...{ status: 'active', status_reason: null },
    });
    expect((await write(birch.write, 'node_one')).status).toBe(204);
    expect(await countOf(birch)).toBe(before);
    expect((await caller(product, birch.admin)('GET', '/api/v1/hosts')).status).toBe(401);
    expect((await login('birch')).status).toBe(200);
  });

  it('has rules that rest, and go on when it is served again', async () => {
    const rule = { name: 'Hot', expression: 'cpu.utilization > 90', duration: '5m' };
    // Birch's session has ended.
    const { token } = await login('birch');
    for (const credential of [token, cedar.admin]) {
      const made = await caller(product, credential)('POST', '/api/v1/alerts/rules', rule);
      expect(made.status).toBe(201);
    }
    const knex = databaseOf(stage, product);
    const slotOf = async (id: string): Promise<number> => {
      const row = await knex('rule_groups')
        .where({ tenant_id: id })
        .where('key', 'like', 'api;%')
        .max<{ max: string | null } | undefined>('last_slot_ms as max')
        .first();
      return Number(row?.max ?? 0);
    };
    const moves = async (id: string, slots: number) => {
      const before = await slotOf(id);
      await until(`rules of ${id} are evaluated`, async () => {
        return (await slotOf(id)) >= before + slots * 1_000;
      });
    };
    await moves('birch', 1);
    await root('POST', '/api/v1/tenants/birch/suspend', { reason: 'rest' });
    await until('rules of birch rest while those of cedar go on', async () => {
      const before = await slotOf('birch');
      await moves('cedar', 5);
      return (await slotOf('birch')) === before;
    });
    await root('POST', '/api/v1/tenants/birch/resume');
    await moves('birch', 1);
  });

  it('is never the one that runs the installation', async () => {
    const calls = [
      () => root('POST', '/api/v1/tenants/default/suspend', { reason: 'x' }),
      () => root('DELETE', '/api/v1/tenants/default?confirm=default'),
    ];
    for (const call of calls) expect((await call()).status).toBe(409);
  });
});

async function login(id: string): Promise<{ status: number; token: string; refresh: unknown }> {
  const { status, body } = await caller(product, '')('POST', '/api/v1/auth/login', {
    ...{ email: `admin@${id}.example`, password: `a-long-password-of-${id}` },
  });
  return { status, token: String(body['token']), refresh: body['refresh_token'] };
}

describe('a deleted tenant', () => {
  it('is gone with its series, files and rows, which its record proves, and others keep theirs', async () => {
    const reader = caller(product, `Bearer ${birch.read}`);
    const wanted = { format: 'csv', table: 'hosts' };
    const { body: made } = await reader('POST', '/api/v1/reports/export', wanted);
    expect(made).toHaveProperty('download_url');
    await until('cedar can read', async () => (await countOf(cedar)) === '4');
    expect((await root('DELETE', '/api/v1/tenants/birch?confirm=cedar')).status).toBe(400);
    const ordered = await root('DELETE', '/api/v1/tenants/birch?confirm=birch');
    expect(ordered).toMatchObject({ status: 202, body: { status: 'waiting', tenant: 'birch' } });
    expect((await write(birch.write, 'node_one')).status).toBe(403);
    const again = await root('DELETE', '/api/v1/tenants/birch?confirm=birch');
    expect(again.body['id']).toBe(ordered.body['id']);

    let record: Record<string, unknown> = {};
    await until('the deletion is done', async () => {
      record = (await root('GET', '/api/v1/tenants/birch/deletion')).body;
      return record['status'] === 'done';
    });
    expect(record).toMatchObject({ step: 'done', series_left: 0, error: null });
    expect(Number(record['series'])).toBeGreaterThan(0);
    const rows = record['rows'] as Record<string, number>;
    expect(rows).toMatchObject({ users: 1, api_keys: 2 });
    expect(rows['audit_log']).toBeGreaterThan(0);
    expect(rows['tenant_usage']).toBeGreaterThan(0);

    expect((await root('GET', '/api/v1/tenants/birch')).status).toBe(404);
    await until('its keys are forgotten', async () => {
      return (await write(birch.write, 'node_one')).status === 401;
    });
    expect((await login('birch')).status).toBe(401);
    expect(record['files']).toBe(1);
    expect((await fetch(String(made['download_url']))).status).toBe(403);
    expect(await countOf(cedar)).toBe('4');
    const { body: audit } = await root('GET', '/api/v1/audit?target=tenant:birch');
    const actions = (audit['entries'] as { action: string }[]).map(({ action }) => action);
    expect(actions.slice(0, 2)).toEqual(['tenant_deleted', 'tenant_deletion_requested']);
  });

  it('may be followed by one of its name, which finds nothing', async () => {
    const next = await makeTenant(product, 'birch');
    expect((await write(next.write, 'node_new')).status).toBe(204);
    await until('its sample can be read', async () => (await countOf(next)) === '1');
    expect((await write(next.write, 'node_one')).status).toBe(204);
  });
});
