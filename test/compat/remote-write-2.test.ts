import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, selfMetric, startExporter, startSender } from '../support/scraped.ts';
import { Stage, startProduct, startStorage, until } from '../support/stage.ts';

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => stage.end());

const traceId = 'c0ffee';

/** A counter whose newest step has an exemplar. */
function exposition(): string {
  const now = Date.now() / 1000;
  return [
    '# HELP node_jobs Jobs that were done.',
    '# TYPE node_jobs counter',
    `node_jobs_total{queue="a"} ${Math.floor(now)} # {trace_id="${traceId}"} 1 ${now.toFixed(3)}`,
    '# EOF',
    '',
  ].join('\n');
}

interface ExemplarAnswer {
  seriesLabels: Record<string, string>;
  exemplars: { labels: Record<string, string>; value: string }[];
}

/** Everything that the sender counts as not written, of all kinds. */
const failures = ['samples', 'histograms', 'exemplars', 'metadata'].flatMap((kind) =>
  ['failed', 'dropped'].map((fate) => `prometheus_remote_storage_${kind}_${fate}_total`),
);

describe('a real Prometheus 3 over remote write 2.0', () => {
  it('sends samples, native histograms, exemplars and metadata, and sees all of them written', async () => {
    const product = await startProduct(stage, await startStorage(stage));
    const exporter = await startExporter(stage, exposition);
    const sender = await startSender(stage, {
      product,
      key: await product.makeKey({ name: 'v2', scopes: ['write'], whitelist_mode: 'observe' }),
      program: 'prometheus-3',
      args: ['--enable-feature=native-histograms,exemplar-storage,metadata-wal-records'],
      jobs: [
        {
          job_name: 'jobs',
          scrape_protocols: ['OpenMetricsText1.0.0'],
          static_configs: [{ targets: [exporter] }],
        },
      ],
      remoteWrite: {
        protobuf_message: 'io.prometheus.write.v2.Request',
        send_exemplars: true,
        send_native_histograms: true,
      },
    });
    await until(
      'its goroutines are here',
      async () =>
        (await ask(product, '/api/v1/query', { query: 'go_goroutines' })).result.length === 1,
    );

    const end = Math.floor(Date.now() / 1000);
    const range = { start: String(end - 3), end: String(end), step: '1' };
    await until('both answer alike for a counter', async () => {
      const query = { query: 'node_jobs_total', ...range };
      const theirs = await ask(sender, '/api/v1/query_range', query);
      const ours = await ask(product, '/api/v1/query_range', query);
      return ours.result.length === 1 && JSON.stringify(ours) === JSON.stringify(theirs);
    });

    const histogram = 'prometheus_http_request_duration_seconds';
    const value = async (server: { url: string; readKey?: string }, query: string) =>
      Number(
        (await ask(server, '/api/v1/query', { query, time: String(end) })).result[0]?.value[1],
      );
    // Exponential buckets are kept as ranges: each counts its own observations.
    await until('the native histogram counts alike, and so do its buckets', async () => {
      const count = await value(sender, `sum(histogram_count(${histogram}))`);
      const ours = await value(product, `sum(${histogram}_count)`);
      return ours === count && (await value(product, `sum(${histogram}_bucket)`)) === count;
    });
    const theirQuantile = await value(sender, `histogram_quantile(0.9, sum(${histogram}))`);
    const ourQuantile = await value(
      product,
      `histogram_quantile(0.9, sum by (vmrange) (${histogram}_bucket))`,
    );
    // Both lie in one bucket, which is nine per cent wide.
    expect(Math.abs(ourQuantile / theirQuantile - 1)).toBeLessThan(0.1);

    await until('its exemplar is here', async () => {
      const found = await ask<ExemplarAnswer[]>(product, '/api/v1/query_exemplars', {
        query: 'node_jobs_total',
        start: String(end - 60),
        end: String(end + 60),
      });
      return found[0]?.exemplars[0]?.labels['trace_id'] === traceId;
    });
    await until('what the counter means is here', async () => {
      const found = await ask<Record<string, unknown[]>>(product, '/api/v1/metadata');
      return JSON.stringify(found).includes('Jobs that were done.');
    });

    for (const name of failures)
      expect([name, await selfMetric(sender.url, name)]).toEqual([name, 0]);
    for (const kind of ['samples', 'histograms', 'exemplars']) {
      const name = `prometheus_remote_storage_${kind}_total`;
      expect(await selfMetric(sender.url, name), name).toBeGreaterThan(0);
    }
    // What Prometheus says when the Written headers are fewer than it sent.
    expect(sender.said()).not.toContain('investigation needed');
  });
});
