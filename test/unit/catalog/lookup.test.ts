import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import {
  catalogMetrics,
  findByApiName,
  findByName,
  metricNames,
  resolveApiName,
} from '../../../src/catalog/index.ts';

/** PRP REQ-METRIC-002, word for word. */
const required = `cpu.utilization cpu.load1 cpu.load5 cpu.load15 cpu.core.N
  mem.used_pct mem.used_mb mem.available_mb mem.cache_mb mem.swap_pct
  gpu.utilization gpu.memory_used_mb gpu.memory_total_mb gpu.temperature_c gpu.power_w gpu.process.pid
  disk.used_pct disk.iops_read disk.iops_write disk.throughput_read_mbps disk.throughput_write_mbps
  net.tx_mbps net.rx_mbps net.errors net.drops net.sockets_active
  proc.top.cpu_pct proc.top.mem_mb proc.top.gpu_mem_mb`.split(/\s+/);

describe('the catalog', () => {
  it.each(required)('knows %s', (apiName) => {
    expect(findByApiName(apiName)?.apiName).toBe(apiName);
  });

  it('spells every PromQL name as the dotted name with underscores', () => {
    for (const metric of catalogMetrics) {
      const dotted = metric.apiName === 'cpu.core.N' ? 'cpu.core' : metric.apiName;
      expect(metric.name).toBe(dotted.replaceAll('.', '_'));
    }
  });

  it('has no name twice', () => {
    expect(metricNames.size).toBe(catalogMetrics.length);
  });

  it('reads the core out of a numbered name', () => {
    expect(resolveApiName('cpu.core.3')).toEqual({
      metric: findByName('cpu_core'),
      labels: { core: '3' },
    });
  });

  it.each(['cpu.core.', 'cpu.core.x', 'cpu.core.3.4', 'cpu', 'constructor', ''])(
    'does not know %j',
    (apiName) => {
      expect(findByApiName(apiName)).toBeUndefined();
    },
  );

  it('gives each metric a help sentence, a source and, for counters, the suffix _total', () => {
    for (const metric of catalogMetrics) {
      expect(metric.help).toMatch(/^[A-Z1S'].*\.$/);
      expect(metric.source).not.toBe('');
      expect(metric.name.endsWith('_total')).toBe(metric.kind === 'counter');
    }
  });
});

describe('the shipped whitelist', () => {
  const file = load(
    readFileSync(new URL('../../../rules/whitelist.yaml', import.meta.url), 'utf8'),
  ) as { version: number; exact: string[]; patterns: string[] };
  const allows = (name: string) =>
    file.exact.includes(name) || file.patterns.some((p) => new RegExp(`^(?:${p})$`).test(name));

  it.each(['node_cpu_seconds_total', 'go_goroutines', 'process_cpu_seconds_total', 'up'])(
    'lets %s of node_exporter in',
    (name) => expect(allows(name)).toBe(true),
  );

  it.each(['http_requests_total', 'my_node_exporter', 'prometheus_build_info', 'ups'])(
    'does not let %s in',
    (name) => expect(allows(name)).toBe(false),
  );
});
