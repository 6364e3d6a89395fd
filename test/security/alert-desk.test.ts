import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caller, listOf, type Call } from '../support/rest.ts';
import { Stage, startProduct, startStorage, type Product } from '../support/stage.ts';
import { makeTenant } from '../support/tenants.ts';

const stage = new Stage();
let product: Product;
let everything: Call;
let other: Call;

beforeAll(async () => {
  product = await startProduct(stage, await startStorage(stage), {
    GAUGEWAY_RULES_DIR: stage.directory(),
  });
  const key = await product.makeKey({ name: 'all', scopes: ['read', 'write', 'admin'] });
  everything = caller(product, `Bearer ${key}`);
  const tenant = await makeTenant(product, 'other');
  other = caller(product, tenant.admin);
});

afterAll(() => stage.end());

const id = '00000000-0000-4000-8000-000000000000';
const rule = { name: 'A', expression: 'cpu.utilization > 90' };
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const deep = JSON.parse(nested(1_000)) as unknown;
const soon = new Date(Date.now() + 60_000).toISOString();

/** Texts that some part on the way takes for something else. */
const strange: unknown[] = [
  ...['\0', 'a\0b', '\ud800', "'; DROP TABLE rules; --", '{{ template "x" }}', '${1}', '\\', '%'],
  ...['__proto__', 'constructor', '\u202e', '🔥', 'x'.repeat(100_000), '', ' '],
  ...[null, true, 0, -1, 1e308, [], {}, [[]], deep, { a: { b: { c: 1 } } }],
  JSON.parse('{"__proto__":{"isAdmin":true}}'),
];

const bodies: [string, string, (text: unknown) => unknown][] = [
  ['POST', '/api/v1/alerts/rules', (text) => text],
  ['POST', '/api/v1/alerts/rules', (text) => ({ ...rule, name: text })],
  ['POST', '/api/v1/alerts/rules', (text) => ({ ...rule, expression: text })],
  ['POST', '/api/v1/alerts/rules', (text) => ({ name: 'A', promql: text })],
  ['POST', '/api/v1/alerts/rules', (text) => ({ ...rule, scope: text })],
  ['POST', '/api/v1/alerts/rules', (text) => ({ ...rule, scope: { tags: { role: text } } })],
  ['POST', '/api/v1/alerts/rules', (text) => ({ ...rule, labels: { a: text } })],
  ['POST', '/api/v1/alerts/rules', (text) => ({ ...rule, annotations: text })],
  ['POST', '/api/v1/alerts/rules', (text) => ({ ...rule, channels: [text] })],
  ['POST', '/api/v1/alerts/rules', (text) => ({ ...rule, enabled: text })],
  ['POST', '/api/v1/alerts/rules', (text) => ({ ...rule, duration: text, cooldown: text })],
  ['POST', '/api/v1/alerts/rules/preview', (text) => ({ rule: text })],
  ['POST', '/api/v1/alerts/rules/preview', (text) => ({ rule_id: text })],
  ['POST', '/api/v1/alerts/rules/preview', (text) => ({ rule, range: text, step: text })],
  ['PATCH', `/api/v1/alerts/rules/${id}`, (text) => text],
  ['POST', `/api/v1/alerts/events/${id}/acknowledge`, (text) => ({ comment: text })],
  ['POST', '/api/v1/alerts/events/acknowledge', (text) => ({ ids: [text] })],
  ['POST', '/api/v1/alerts/events/acknowledge', (text) => ({ match: [text] })],
  ['POST', '/api/v1/silences', (text) => text],
  [
    ...(['POST', '/api/v1/silences'] as const),
    (text) => ({ matchers: [text], comment: text, duration_seconds: 60 }),
  ],
  [
    ...(['POST', '/api/v1/silences'] as const),
    (text) => ({ matchers: ['a=b'], comment: 'x', ends_at: text }),
  ],
  ['POST', '/api/v1/silences/preview', (text) => ({ matchers: [{ name: text, value: text }] })],
  ['PATCH', `/api/v1/silences/${id}`, (text) => ({ comment: text })],
  ['POST', '/api/v2/alerts', (text) => text],
  ['POST', '/api/v2/alerts', (text) => [{ labels: { a: text } }]],
  ['POST', '/api/v2/alerts', (text) => [{ labels: { a: 'b' }, annotations: { a: text } }]],
  ['POST', '/api/v2/alerts', (text) => [{ labels: { [String(text)]: 'b' } }]],
  ['POST', '/api/v2/alerts', (text) => [{ labels: { a: 'b' }, startsAt: text, endsAt: text }]],
  [
    ...(['POST', '/api/v2/silences'] as const),
    (text) => ({
      matchers: [{ name: 'a', value: text, isRegex: true }],
      ...{ startsAt: soon, endsAt: soon, createdBy: text, comment: text, id: text },
    }),
  ],
];

const paths = [
  (text: string) => `/api/v1/alerts/rules/${text}`,
  (text: string) => `/api/v1/alerts/rules/${text}/explain?labels=${text}&at=${text}`,
  (text: string) => `/api/v1/alerts/events/${text}`,
  (text: string) => `/api/v1/alerts/events?host_id=${text}&severity=${text}&rule_id=${text}`,
  (text: string) => `/api/v1/alerts/events?match=${text}`,
  (text: string) => `/api/v1/alerts/events?match=a%3D%22${text}%22&match=a%3D~%22${text}%22`,
  (text: string) => `/api/v1/alerts/events?since=${text}&limit=${text}`,
  (text: string) => `/api/v1/silences/${text}`,
  (text: string) => `/api/v1/silences?state=${text}`,
  (text: string) => `/api/v2/alerts?filter=${text}&receiver=${text}`,
  (text: string) => `/api/v2/alerts?filter=a%3D~%22${text}%22&silenced=${text}`,
  (text: string) => `/api/v2/silence/${text}`,
  (text: string) => `/api/v2/silences?filter=${text}`,
  (text: string) => `/api/v1/rules?type=${text}&match[]=${text}&group_limit=${text}`,
  (text: string) => `/api/v1/rules?match[]=%7Ba%3D~%22${text}%22%7D&exclude_alerts=${text}`,
];

describe('hostile input', () => {
  it('in a body never ends in an error of the server', async () => {
    const broken: string[] = [];
    for (const [method, path, bodyOf] of bodies) {
      for (const text of strange) {
        const { status } = await everything(method, path, bodyOf(text));
        if (status >= 500) broken.push(`${method} ${path} ${JSON.stringify(text).slice(0, 60)}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('nested deeper than any stack neither', async () => {
    for (const path of ['/api/v1/alerts/rules', '/api/v1/silences', '/api/v2/alerts']) {
      const answer = await fetch(product.url + path, {
        method: 'POST',
        headers: { authorization: product.adminToken, 'content-type': 'application/json' },
        body: `{"name":"A","expression":"a > 1","scope":${nested(200_000)}}`,
      });
      expect(answer.status, path).toBeLessThan(500);
    }
  });

  it('in a path or query neither', async () => {
    const broken: string[] = [];
    const texts = ['%00', '%FF', '%ED%A0%80', "'", '%5C', '((((', '%22', '[[[', 'a'.repeat(4_000)];
    const numbers = ['1e400', '-1', 'NaN', '9999-99-99T00:00:00Z', '0000-01-01T00:00:00Z'];
    for (const pathOf of paths) {
      for (const text of [...texts, ...numbers, '(a+)+$', '%2E%2E%2F', '*']) {
        const answer = await everything('GET', pathOf(text));
        if (answer.status >= 500) broken.push(`${pathOf(text).slice(0, 120)}: ${answer.status}`);
      }
    }
    expect(broken).toEqual([]);
  });
});

describe('another tenant', () => {
  it('sees and changes nothing of rules, silences and posted alerts', async () => {
    const made = await everything('POST', '/api/v1/alerts/rules', rule);
    const path = `/api/v1/alerts/rules/${String(made.body['id'])}`;
    const silence = { matchers: ['alertname=Secret'], comment: 'x', duration_seconds: 600 };
    const silenced = await everything('POST', '/api/v1/silences', silence);
    const silencePath = `/api/v1/silences/${String(silenced.body['id'])}`;
    await everything('POST', '/api/v2/alerts', [{ labels: { alertname: 'Secret' } }]);

    for (const [method, target] of [
      ...(['GET', 'PATCH', 'DELETE'] as const).map((one) => [one, path] as const),
      ['GET', `${path}/explain`] as const,
      ...(['GET', 'PATCH', 'DELETE'] as const).map((one) => [one, silencePath] as const),
    ]) {
      const answer = await other(method, target, method === 'GET' ? undefined : {});
      expect(answer.status, `${method} ${target}`).toBe(404);
    }
    const preview = { rule_id: String(made.body['id']) };
    expect((await other('POST', '/api/v1/alerts/rules/preview', preview)).status).toBe(404);
    for (const list of ['/api/v1/alerts/rules', '/api/v1/alerts/events', '/api/v1/silences']) {
      expect((await other('GET', list)).body['total'], list).toBe(0);
    }
    for (const list of ['/api/v2/alerts', '/api/v2/silences', '/api/v2/alerts/groups']) {
      expect((await other('GET', list)).body, list).toEqual([]);
    }
    expect((await everything('GET', path)).status).toBe(200);
    expect(listOf(await everything('GET', '/api/v1/silences'), 'silences')).not.toEqual([]);
  });
});
