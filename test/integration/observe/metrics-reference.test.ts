import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metricNames } from '../../../src/catalog/index.ts';
import { createWhitelist, toWhitelistDocument } from '../../../src/ingest/index.ts';
import { parseYaml } from '../../../src/platform/index.ts';
import { startInProcess } from '../../support/in-process.ts';
import { Stage, startStorage } from '../../support/stage.ts';

const root = join(import.meta.dirname, '../../..');
const pagePath = join(root, 'docs/reference/metrics.md');

/** What prom-client keeps of a metric and its types leave out. */
interface Metric {
  name: string;
  help: string;
  type: string;
  labelNames: readonly string[];
}

const stage = new Stage();
let metrics: Metric[];

beforeAll(async () => {
  const { meters } = await startInProcess(stage, await startStorage(stage));
  const types = new Map((await meters.families()).map(({ name, type }) => [name, type]));
  metrics = (meters.registry.getMetricsAsArray() as unknown as Omit<Metric, 'type'>[])
    .map((metric) => ({ ...metric, type: types.get(metric.name)! }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}, 120_000);
afterAll(() => stage.end());

const labelsOf = ({ labelNames }: Metric): string =>
  labelNames
    .filter((name) => name !== 'le')
    .map((name) => `\`${name}\``)
    .join(', ');

function page(): string {
  const rows = metrics.map((metric) => {
    const { name, type, help } = metric;
    return `| \`${name}\` | ${type} | ${labelsOf(metric)} | ${help.replaceAll('|', '\\|')} |`;
  });
  return [
    "# Gaugeway's own metrics",
    '',
    'At `/metrics`, and stored with `job="gaugeway"`, `instance` and `role` ([operations](../operations/observability.md)).',
    'A process has those of its roles. Made from the meters of a running server:',
    '`UPDATE_GOLDEN=1 npx vitest run --config test/vitest.config.ts test/integration/observe/metrics-reference.test.ts`.',
    '',
    '| name | type | labels | what |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

describe('docs/reference/metrics.md', () => {
  it('is what a running server has', () => {
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(pagePath, page());
    expect(readFileSync(pagePath, 'utf8')).toBe(page());
  });
});

describe('the metrics of the requirements (PRP §14.1)', () => {
  it.each([
    ['ingest_requests_total', 'counter', 'outcome'],
    ['ingest_datapoints_total', 'counter', 'tenant_id'],
    ['ingest_errors_total', 'counter', 'reason'],
    ['api_requests_total', 'counter', 'endpoint,status'],
    ['api_latency_seconds', 'histogram', 'endpoint,status'],
    ['alert_evaluations_total', 'counter', 'outcome'],
    ['alert_notifications_sent_total', 'counter', 'channel'],
    ['db_query_duration_seconds', 'histogram', 'outcome'],
  ])('%s is a %s by %s', (name, type, labels) => {
    const metric = metrics.find((one) => one.name === name);
    expect(metric?.type).toBe(type);
    expect(metric?.labelNames).toEqual(expect.arrayContaining(labels.split(',')));
  });
});

describe('a metric of the process', () => {
  it('has a name that the shipped whitelist lets in, for those who scrape it', () => {
    const file = join(root, 'rules/whitelist.yaml');
    const document = toWhitelistDocument(parseYaml(readFileSync(file, 'utf8'), file).value);
    const whitelist = createWhitelist(document, metricNames);
    const parts = metrics.flatMap(({ name, type }) =>
      type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name],
    );
    expect(parts.filter((name) => !whitelist.allows(name))).toEqual([]);
  });

  it('has no label that storage keeps for whose it is', () => {
    const reserved = ['tenant', 'job', 'instance', 'role', 'host_id'];
    const taken = metrics.filter(({ labelNames }) =>
      labelNames.some((label) => reserved.includes(label)),
    );
    expect(taken.map(({ name }) => name)).toEqual([]);
  });
});
