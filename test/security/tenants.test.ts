import snappyjs from 'snappyjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceWriteRequest } from '../../src/wire/index.ts';
import {
  postJson,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';
import { makeTenant, type TenantAccess } from '../support/tenants.ts';

/** Everything that a tenant sends or keeps bears its mark, and nothing else does. */
const marks = { birch: 'b1rch', cedar: 'c3dar' } as const;
type TenantId = keyof typeof marks;
const ids = ['birch', 'cedar'] as const;
const otherOf: Record<TenantId, TenantId> = { birch: 'cedar', cedar: 'birch' };
/** Of the samples that both send under the same series. */
const values: Record<TenantId, number> = { birch: 1111, cedar: 2222 };

const stage = new Stage();
let product: Product;
let tenants: Record<TenantId, TenantAccess>;

async function post(id: TenantId, request: object): Promise<number> {
  const answer = await fetch(`${product.url}/api/v1/write`, {
    method: 'POST',
    headers: {
      ...{ 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      authorization: `Bearer ${tenants[id].write}`,
    },
    body: Buffer.from(snappyjs.compress(referenceWriteRequest.encode(request))),
  });
  await answer.text();
  return answer.status;
}

interface Content {
  name: string;
  labels?: Record<string, string>;
  value?: number;
  timestamp?: number;
  exemplars?: object[];
}

/** Label names are given in order. */
function series({ name, labels = {}, value = 1, timestamp = Date.now(), ...rest }: Content) {
  const pairs = Object.entries({ __name__: name, ...labels });
  return {
    labels: pairs.map(([key, text]) => ({ name: key, value: text })),
    samples: [{ value, timestamp }],
    ...rest,
  };
}

async function leaveMarks(id: TenantId): Promise<void> {
  const mark = marks[id];
  const exemplar = {
    labels: [{ name: 'trace_id', value: mark }],
    value: 1,
    timestamp: Date.now(),
  };
  const request = {
    timeseries: [
      series({ name: 'node_same', labels: { job: 'x' }, value: values[id] }),
      series({ name: 'node_owned', labels: { owner: mark }, exemplars: [exemplar] }),
      series({ name: `node_of_${mark}`, labels: { [`label_${mark}`]: 'x' } }),
      series({ name: 'up', labels: { instance: mark, job: mark } }),
    ],
    metadata: [{ type: 2, metric_family_name: 'node_owned', help: `help of ${mark}` }],
  };
  expect(await post(id, request)).toBe(204);
  const pair = { __replica__: `replica-${mark}`, cluster: `cluster-${mark}` };
  expect(await post(id, { timeseries: [series({ name: 'node_pair', labels: pair })] })).toBe(204);
  const tooOld = { name: 'node_owned', labels: { owner: mark }, timestamp: 1_000_000 };
  expect(await post(id, { timeseries: [series(tooOld)] })).toBe(400);
  const { makeKey, admin } = tenants[id];
  const hostKey = await makeKey({
    name: `key-${mark}`,
    scopes: ['write'],
    host_id: `host-${mark}`,
  });
  const beat = { host_id: `host-${mark}`, agent_version: mark };
  await postJson(`${product.url}/api/v1/ingest/heartbeat`, beat, `Bearer ${hostKey}`);
  const user = {
    email: `someone@${mark}.example`,
    password: 'a-long-password-of-somebody',
    role: 'Viewer',
  };
  await postJson(`${product.url}/api/v1/users`, user, admin);
}

beforeAll(async () => {
  product = await startProduct(stage, await startStorage(stage));
  tenants = {
    birch: await makeTenant(product, 'birch'),
    cedar: await makeTenant(product, 'cedar'),
  };
  for (const id of ids) await leaveMarks(id);
});

afterAll(() => stage.end());

interface Read {
  path: string;
  form?: string;
  /** With the administrator's session; else with a key that may read. */
  admin?: true;
}

async function read(id: TenantId, { path, form, admin }: Read): Promise<Response> {
  const authorization = admin ? tenants[id].admin : `Bearer ${tenants[id].read}`;
  return fetch(product.url + path, {
    headers: {
      authorization,
      ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    ...(form === undefined ? {} : { method: 'POST', body: form }),
  });
}

const seconds = (offset: number): string => String(Math.floor(Date.now() / 1000) + offset);
const everything = encodeURIComponent('{__name__=~".+"}');
const matcher = `match%5B%5D=${everything}`;
const range = (): string => `start=${seconds(-300)}&end=${seconds(60)}`;

/** Each shows the asking tenant's own mark: an endpoint that answers nothing at all proves nothing. */
const reads: Record<string, () => Read> = {
  'an instant query': () => ({ path: `/api/v1/query?query=${everything}` }),
  'an instant query by form': () => ({ path: '/api/v1/query', form: `query=${everything}` }),
  'an instant query under Prometheus’s prefix': () => ({
    path: `/prometheus/api/v1/query?query=${everything}`,
  }),
  'a range query': () => ({
    path: `/api/v1/query_range?query=${everything}&${range()}&step=15`,
  }),
  'a range query by form': () => ({
    path: '/api/v1/query_range',
    form: `query=${everything}&${range()}&step=15`,
  }),
  'a query that makes labels': () => ({
    path: `/api/v1/query?query=${encodeURIComponent('label_replace(node_owned,"x","$1","owner","(.*)")')}`,
  }),
  'a query that counts by label': () => ({
    path: `/api/v1/query?query=${encodeURIComponent('count by (owner) (node_owned or up)')}`,
  }),
  series: () => ({ path: `/api/v1/series?${matcher}&${range()}` }),
  'series by form': () => ({ path: '/api/v1/series', form: `${matcher}&${range()}` }),
  'label names': () => ({ path: `/api/v1/labels?${range()}` }),
  'label names by form': () => ({ path: '/api/v1/labels', form: range() }),
  'metric names': () => ({ path: `/api/v1/label/__name__/values?${range()}` }),
  'values of a label': () => ({ path: `/api/v1/label/owner/values?${range()}` }),
  federation: () => ({ path: `/federate?${matcher}` }),
  exemplars: () => ({ path: `/api/v1/query_exemplars?query=node_owned&${range()}` }),
  metadata: () => ({ path: '/api/v1/metadata' }),
  'metadata of one metric': () => ({ path: '/api/v1/metadata?metric=node_owned' }),
  rejections: () => ({ path: '/api/v1/ingest/rejections?limit=500' }),
  'leaders of HA pairs': () => ({ path: '/api/v1/ingest/ha' }),
  hosts: () => ({ path: '/api/v1/hosts?limit=500' }),
  keys: () => ({ path: '/api/v1/keys?limit=500', admin: true }),
  users: () => ({ path: '/api/v1/users?limit=500', admin: true }),
  'the audit log': () => ({ path: '/api/v1/audit?limit=500', admin: true }),
};

/** What is empty without rules and targets of the tenant, or is about this process. */
const bare = ['rules', 'alerts', 'targets', 'status/runtimeinfo'];

/** Arguments that would be another tenant's, if a client had a say. */
const pleas = (other: string): string[] => [
  `extra_label=tenant%3D${other}`,
  `extra_label=tenant%3D${other}&extra_label=tenant%3D${other}`,
  `extra_filters=%7Btenant%3D%22${other}%22%7D`,
  `extra_filters%5B%5D=%7Btenant%3D%22${other}%22%7D`,
  `tenant=${other}&tenant_id=${other}&X-Scope-OrgID=${other}`,
];

describe.each(ids)('what %s may read', (id) => {
  const own = marks[id];
  const foreign = marks[otherOf[id]];

  it.each(Object.keys(reads))('%s: its own, and nothing of its neighbour', async (name) => {
    const ask = reads[name] ?? ((): Read => ({ path: '/' }));
    let all = '';
    await until(`${id} finds its own by ${name}`, async () => {
      const text = await (await read(id, ask())).text();
      all += text;
      return text.includes(own);
    });
    expect(all).not.toContain(foreign);
    for (const plea of pleas(otherOf[id])) {
      const { path, form, admin } = ask();
      const begged: Read = {
        path: `${path}${path.includes('?') ? '&' : '?'}${plea}`,
        ...(form === undefined ? {} : { form: `${form}&${plea}` }),
        ...(admin ? { admin } : {}),
      };
      const answer = await read(id, begged);
      expect(answer.status).toBeLessThan(500);
      expect(await answer.text()).not.toContain(foreign);
    }
  });

  it('its own value of a series that both have', async () => {
    const value = async (query: string): Promise<string[]> => {
      const answer = await read(id, { path: `/api/v1/query?query=${encodeURIComponent(query)}` });
      const text = await answer.text();
      expect(answer.status, `${query}: ${text}`).toBe(200);
      const { data } = JSON.parse(text) as { data: { result: { value: [number, string] }[] } };
      return data.result.map((row) => row.value[1]);
    };
    await until('it is there', async () => (await value('node_same')).length > 0);
    const queries = [
      'node_same',
      'sum(node_same)',
      'max(last_over_time(node_same[10m]))',
      '{__name__="node_same",job="x"}',
    ];
    for (const query of queries) expect(await value(query), query).toEqual([String(values[id])]);
  });

  it.each(['=~".+"', '!=""', '="birch"', '="cedar"', '=""', '=~"birch|cedar"'])(
    'no series by a matcher tenant%s',
    async (match) => {
      for (const query of [`node_same{tenant${match}}`, `node_same or up{tenant${match}}`]) {
        const answer = await read(id, { path: `/api/v1/query?query=${encodeURIComponent(query)}` });
        expect(answer.status).toBe(400);
        expect(await answer.text()).toContain('reserved');
      }
    },
  );

  it.each(bare)('no word of its neighbour in %s', async (path) => {
    const answer = await read(id, { path: `/api/v1/${path}` });
    expect(answer.status).toBe(200);
    expect(await answer.text()).not.toContain(foreign);
  });

  it('nothing of its neighbour by id, nor may it touch it', async () => {
    const other = tenants[otherOf[id]].admin;
    const listed = async (path: string): Promise<{ id: string }[]> => {
      const answer = await fetch(product.url + path, { headers: { authorization: other } });
      const body = (await answer.json()) as Record<string, unknown>;
      return body[path.split('/')[3] ?? ''] as { id: string }[];
    };
    for (const path of ['/api/v1/keys', '/api/v1/users']) {
      const things = await listed(path);
      expect(things.length).toBeGreaterThan(0);
      for (const thing of things) {
        for (const method of ['GET', 'DELETE']) {
          const answer = await fetch(`${product.url}${path}/${thing.id}`, {
            ...{ method, headers: { authorization: tenants[id].admin } },
          });
          expect(answer.status).toBe(404);
        }
      }
      expect((await listed(path)).map((thing) => thing.id)).toEqual(things.map(({ id: i }) => i));
    }
    const host = await read(id, { path: `/api/v1/hosts/host-${foreign}` });
    expect(host.status).toBe(404);
    expect((await read(id, { path: '/api/v1/tenants', admin: true })).status).toBe(403);
    for (const path of ['/metrics', '/api/v1/status/tsdb']) {
      expect((await read(id, { path })).status).toBe(403);
    }
  });
});
