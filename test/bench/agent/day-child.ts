import { runCollectors } from '../../../exporter-agent/collect/run.ts';
import { createParts } from '../../../exporter-agent/compose.ts';
import { noFlags } from '../../../exporter-agent/config/flags.ts';
import { loadConfig } from '../../../exporter-agent/config/load.ts';
import { systemClock } from '../../../exporter-agent/clock.ts';
import { createDelivery } from '../../../exporter-agent/delivery.ts';
import { createLogger } from '../../../exporter-agent/log.ts';
import { createEncoder } from '../../../exporter-agent/send/encode.ts';
import { metadataOf } from '../../../exporter-agent/send/metadata.ts';
import { Compressor } from '../../../exporter-agent/send/snappy.ts';

/**
 * The agent's own parts with a clock that runs as fast as the ticks go: a day of ticks in minutes. Run with the unit's
 * flags; writes a line of JSON for every hundredth of the day.
 */
const ticks = Number(process.argv[2]);
const intervalMs = 5_000;
const config = await loadConfig({ env: process.env, file: undefined, flags: noFlags() });
const log = createLogger({
  level: 'error',
  nowMs: Date.now,
  write: (line) => process.stderr.write(line),
});
const parts = await createParts(config, log);
const delivery = createDelivery({
  ...{ config, log, clock: systemClock, transport: parts.transport },
  onTrouble: (message) => process.stderr.write(`${message}\n`),
});
const compressor = new Compressor();
const encoder = createEncoder({
  ...{ labels: { host_id: 'day' }, nodeLabels: { job: 'node', instance: 'day' }, metadataOf },
  maxSeries: config.max_series_per_request,
  compress: (body) => compressor.compress(body),
});
const startMs = Date.now() - ticks * intervalMs;
for (let tick = 0; tick < ticks; tick += 1) {
  const atMs = tick * intervalMs;
  const points = runCollectors(
    parts.collectors.list,
    { wallMs: startMs + atMs, monotonicMs: 1_000 + atMs, intervalMs, bootId: parts.host.bootId },
    {
      monotonicMs: () => performance.now(),
      onFailure: (_name, error) => {
        throw error;
      },
      nodeNames: true,
    },
  );
  await delivery.sender.offer(encoder.encode(points, startMs + atMs), startMs + atMs);
  if (tick % Math.ceil(ticks / 100) === 0) {
    const { rss, heapUsed } = process.memoryUsage();
    process.stdout.write(
      `${JSON.stringify({ tick, rss, heapUsed, sent: delivery.sender.sentBatches() })}\n`,
    );
  }
}
parts.transport.close();
delivery.spool.close();
