import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  freePort,
  launch,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';

/** Needs no samples, so that both servers see the same. */
const rules = `
groups:
  - name: b
    interval: 1s
    limit: 5
    rules:
      - {record: one:one, expr: vector(1), labels: {kind: x}}
      - {record: plain, expr: vector(2)}
      - alert: Firing
        expr: vector(95.5) > 90
        keep_firing_for: 10m
        labels: {severity: page, text: '{{ $value }}'}
        annotations: {summary: 'at {{ $value }}'}
      - {alert: Waiting, expr: vector(1), for: 1h}
      - {alert: Quiet, expr: vector(1) > 2}
  - name: a
    interval: 1s
    rules:
      - {alert: Broken, expr: 'vector(1) + on () (vector(1) or label_replace(vector(1), "a", "b", "", ""))'}
`;

const stage = new Stage();
let product: Product;
let prometheusUrl: string;

beforeAll(async () => {
  const folder = stage.directory();
  writeFileSync(join(folder, 'rules.yaml'), rules);
  product = await startProduct(stage, await startStorage(stage), { GAUGEWAY_RULES_DIR: folder });
  prometheusUrl = `http://127.0.0.1:${String(await freePort())}`;
  writeFileSync(join(folder, 'prometheus.yml'), 'rule_files: [rules.yaml]\n');
  await launch(stage, { url: prometheusUrl, health: '/-/ready' }, 'prometheus-3', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${new URL(prometheusUrl).host}`,
    '--log.level=error',
  ]);
}, 120_000);

afterAll(() => stage.end());

async function ask(url: string, query: string): Promise<unknown> {
  const answer = await fetch(`${url}/api/v1/rules?${query}`, {
    headers: url === product.url ? { authorization: `Bearer ${product.readKey}` } : {},
  });
  return comparable(await answer.json());
}

const time = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/;

/** Without what differs between two servers: when, how long, in which folder, and the words of an error. */
function comparable(value: unknown, key = ''): unknown {
  if (key === 'evaluationTime') return typeof value;
  if (key === 'file') return basename(String(value));
  if (key === 'lastError' || key === 'groupNextToken') return typeof value;
  if (typeof value === 'string' && time.test(value)) return 'a time';
  if (Array.isArray(value)) return value.map((item) => comparable(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, held]) => [name, comparable(held, name)]);
  return Object.fromEntries(entries) as unknown;
}

const isSettled = (answer: unknown): boolean => {
  const text = JSON.stringify(answer);
  return !text.includes('"unknown"') && text.includes('"firing"') && text.includes('"err"');
};

it.each([
  '',
  'type=alert',
  'type=record',
  'rule_name[]=Firing&rule_name[]=plain',
  'rule_group[]=a',
  'match[]={severity="page"}',
  'exclude_alerts=true',
  'rule_name[]=none',
  'type=nonsense',
  'exclude_alerts=maybe',
  'group_next_token=abc',
  'group_limit=1',
  'group_limit=0',
  'group_limit=x',
  'group_limit=1&group_next_token=abc',
])('/api/v1/rules?%s is what Prometheus 3 answers', async (query) => {
  await until('both have evaluated all', async () => {
    const answers = [await ask(prometheusUrl, ''), await ask(product.url, '')];
    return answers.every(isSettled);
  });
  const theirs = await ask(prometheusUrl, query);
  expect(await ask(product.url, query)).toEqual(theirs);
});
