import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { database, send } from '../../support/alerts.ts';
import { startReceiver } from '../../support/receiver.ts';
import { cpuSeconds, Stage, startProduct, startStorage, until } from '../../support/stage.ts';
import { print, type Table } from '../report.ts';

const perRequest = 5_000;

/** So many alerts of one rule at one moment: stored and queued, and sent in how many messages. */
export async function benchStorm(alerts: number): Promise<Table[]> {
  const stage = new Stage();
  try {
    const table = await measure(stage, alerts);
    print(table);
    return [table];
  } finally {
    await stage.end();
  }
}

async function measure(stage: Stage, alerts: number): Promise<Table> {
  const receiver = await startReceiver(stage);
  const folder = stage.directory();
  writeFileSync(join(folder, 'hot.yaml'), rulesFor(receiver.url));
  const product = await startProduct(stage, await startStorage(stage), {
    GAUGEWAY_RULES_DIR: folder,
    GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true',
  });
  const rows = await database(stage, product);
  const all = async (value: number) => {
    const timestampMs = Date.now();
    for (let from = 0; from < alerts; from += perRequest) {
      const count = Math.min(perRequest, alerts - from);
      const points = Array.from({ length: count }, (_, i) => ({
        labels: { __name__: 'cpu_utilization', host_id: `h-${from + i}` },
        ...{ value, timestampMs },
      }));
      await send(product, points);
    }
  };
  await all(20);
  const cpuBefore = cpuSeconds(product.pid);
  await all(97);
  const counts = async () => {
    const [row] = await rows(
      `SELECT count(*) AS queued, count(*) FILTER (WHERE d.status = 'sent') AS sent,
         max(extract(epoch FROM d.created_at) * 1000) - min(i.opened_at_ms) AS stored_ms,
         max(extract(epoch FROM d.finished_at) * 1000) - min(i.opened_at_ms) AS sent_ms,
         count(DISTINCT i.opened_at_ms) AS slots
       FROM deliveries d JOIN incidents i ON i.id = d.incident_id`,
    );
    return row ?? {};
  };
  await until('all are sent', async () => Number((await counts())['sent']) === alerts, 180_000);
  const found = await counts();
  const seconds = (ms: unknown) => (Number(ms) / 1_000).toFixed(2);
  return {
    title: `Storm: ${alerts} alerts of one rule at one moment, one webhook`,
    columns: [
      ...['alerts', 'slots', 'slot → all stored and queued, s', 'slot → all sent, s'],
      ...['messages', 'CPU-s of the process'],
    ],
    rows: [
      [
        ...[String(alerts), String(found['slots']), seconds(found['stored_ms'])],
        ...[seconds(found['sent_ms']), String(receiver.posts.length)],
        (cpuSeconds(product.pid) - cpuBefore).toFixed(2),
      ],
    ],
  };
}

const rulesFor = (url: string) => `
interval: 15s
rules:
  - id: hot
    name: CPU Hot
    expression: cpu.utilization > 90
    duration: static
    channels: ['webhook:${url}']
`;
