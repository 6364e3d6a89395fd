import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { freePort, launch, type Product, type Program, type Stage } from './stage.ts';

export interface SeriesAnswer {
  metric: Record<string, string>;
  value: [number, string];
  values?: [number, string][];
}

/** Asks a Prometheus API; a product with its read key. Throws what it said where it refused. */
export async function ask<T = { result: SeriesAnswer[] }>(
  server: { url: string; readKey?: string },
  path: string,
  args: Record<string, string> = {},
): Promise<T> {
  const url = `${server.url}${path}?${new URLSearchParams(args).toString()}`;
  const headers = server.readKey ? { authorization: `Bearer ${server.readKey}` } : {};
  const answer = await fetch(url, { headers });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return ((await answer.json()) as { data: T }).data;
}

/** The sum over all series of a metric that a sender says of itself. */
export async function selfMetric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Exposes what `text` gives at the moment, as OpenMetrics. */
export async function startExporter(stage: Stage, text: () => string): Promise<string> {
  const server = createServer((_req, res) => {
    res.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    res.end(text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

interface PrometheusOptions {
  product: Product;
  key: string;
  /** Beside the one that scrapes itself each second. */
  jobs?: object[];
  externalLabels?: Record<string, string>;
  /** Merged into the `remote_write` block. */
  remoteWrite?: object;
  program?: string;
  args?: string[];
}

/** A Prometheus that scrapes each second and sends to the product. */
export async function startSender(stage: Stage, options: PrometheusOptions): Promise<Program> {
  const { product, key, jobs = [], externalLabels = {}, remoteWrite = {} } = options;
  const { program = 'prometheus', args = [] } = options;
  const directory = stage.directory();
  const file = join(directory, 'prometheus.yml');
  const address = `127.0.0.1:${String(await freePort())}`;
  const config = {
    global: { scrape_interval: '1s', external_labels: externalLabels },
    scrape_configs: [{ job_name: 'self', static_configs: [{ targets: [address] }] }, ...jobs],
    remote_write: [
      {
        url: `${product.url}/api/v1/write`,
        authorization: { credentials: key },
        queue_config: { batch_send_deadline: '1s' },
        ...remoteWrite,
      },
    ],
  };
  writeFileSync(file, JSON.stringify(config));
  return launch(stage, { url: `http://${address}`, health: '/-/ready' }, program, [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=${address}`,
    ...args,
  ]);
}
