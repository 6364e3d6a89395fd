import { cpSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRowsOf1860 } from '../support/node-names.ts';
import { ask } from '../support/scraped.ts';
import {
  launch,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../support/stage.ts';

/** A host with RAID, bonded links, swap and tracked connections, whatever this machine has. */
const fixture = join(import.meta.dirname, '../fixtures/hosts/core/1');
const stage = new Stage();
let product: Product;

beforeAll(async () => {
  product = await startProduct(stage, await startStorage(stage));
  const proc = join(stage.directory(), 'proc');
  cpSync(fixture, proc, { recursive: true });
  // The agent reads another root's network in the namespace of its first process.
  renameSync(join(proc, 'net'), join(proc, '1', 'net'));
  await launch(
    stage,
    undefined,
    process.execPath,
    [
      'dist/gaugeway-agent.js',
      'run',
      `--path.procfs=${proc}`,
      `--path.sysfs=${join(proc, 'sysfs')}`,
    ],
    {
      GAUGEWAY_AGENT_URL: product.url,
      GAUGEWAY_AGENT_KEY: await product.makeKey({
        name: 'agent',
        scopes: ['write'],
        host_id: 'mixin-host',
      }),
      GAUGEWAY_AGENT_HOST_ID: 'mixin-host',
      GAUGEWAY_AGENT_STATE_DIR: stage.directory(),
      GAUGEWAY_AGENT_INTERVAL_SECONDS: '1',
      GAUGEWAY_AGENT_REMOTE_CONFIG: 'false',
    },
  );
  await until('three ticks are here', async () => {
    const enough = 'count_over_time(node_filesystem_readonly{job="node"}[1m]) >= 3';
    return (await query(enough)).length > 0;
  });
});

afterAll(() => stage.end());

const query = async (expression: string) =>
  (await ask(product, '/api/v1/query', { query: expression })).result;

const disks = 'device=~"(/dev/)?(mmcblk.p.+|nvme.+|rbd.+|sd.+|vd.+|xvd.+|dm-.+|md.+|dasd.+)"';
const filesystem = 'job="node",fstype!="",mountpoint!=""';
const withoutLo = (name: string) =>
  `sum without (device) (rate(${name}{job="node",device!="lo"}[5m]))`;

/** What the recording rules of node-mixin compute (prometheus/node_exporter, docs/node-mixin), on the raw names. */
const recorded: readonly (readonly [record: string, expression: string])[] = [
  [
    'instance:node_num_cpu:sum',
    'count without (cpu, mode) (node_cpu_seconds_total{job="node",mode="idle"})',
  ],
  [
    'instance:node_cpu_utilisation:rate5m',
    '1 - avg without (cpu) (sum without (mode) (rate(node_cpu_seconds_total{job="node",mode=~"idle|iowait|steal"}[5m])))',
  ],
  [
    'instance:node_load1_per_cpu:ratio',
    'node_load1{job="node"} / count without (cpu, mode) (node_cpu_seconds_total{job="node",mode="idle"})',
  ],
  [
    'instance:node_memory_utilisation:ratio',
    '1 - node_memory_MemAvailable_bytes{job="node"} / node_memory_MemTotal_bytes{job="node"}',
  ],
  [
    'instance:node_memory_utilisation:ratio of old kernels',
    '1 - (node_memory_Buffers_bytes + node_memory_Cached_bytes + node_memory_MemFree_bytes + node_memory_Slab_bytes) / node_memory_MemTotal_bytes',
  ],
  ['instance:node_vmstat_pgmajfault:rate5m', 'rate(node_vmstat_pgmajfault{job="node"}[5m])'],
  [
    'instance_device:node_disk_io_time_seconds:rate5m',
    `rate(node_disk_io_time_seconds_total{job="node",${disks}}[5m])`,
  ],
  [
    'instance_device:node_disk_io_time_weighted_seconds:rate5m',
    `rate(node_disk_io_time_weighted_seconds_total{job="node",${disks}}[5m])`,
  ],
  ...['receive_bytes', 'transmit_bytes', 'receive_drop', 'transmit_drop'].map(
    (what) =>
      [
        `instance:node_network_${what}_excluding_lo:rate5m`,
        withoutLo(`node_network_${what}_total`),
      ] as const,
  ),
];

/** What its alerts and dashboards select; node_timex_* and node_systemd_* are not told. */
const selected: readonly string[] = [
  ...['avail_bytes', 'size_bytes', 'files', 'files_free', 'readonly'].map(
    (what) => `node_filesystem_${what}{${filesystem}}`,
  ),
  ...['receive', 'transmit'].flatMap((way) => [
    `rate(node_network_${way}_errs_total[2m])`,
    `rate(node_network_${way}_packets_total[2m])`,
  ]),
  'node_nf_conntrack_entries / node_nf_conntrack_entries_limit',
  'node_textfile_scrape_error{job="node"}',
  `node_md_disks_required{job="node",${disks}} - ignoring (state) node_md_disks{job="node",state="active",${disks}}`,
  `node_md_disks{job="node",state="failed",${disks}}`,
  'node_filefd_allocated{job="node"} * 100 / node_filefd_maximum{job="node"}',
  'node_bonding_slaves{job="node"} - node_bonding_active{job="node"}',
  'sum without (mode) (avg without (cpu) (rate(node_cpu_seconds_total{job="node",mode!~"idle|iowait"}[2m])))',
  'rate(node_vmstat_pgmajfault{job="node"}[5m])',
  `rate(node_disk_read_bytes_total{job="node",${disks}}[5m])`,
  `rate(node_disk_written_bytes_total{job="node",${disks}}[5m])`,
  'node_load5{job="node"}',
  'node_load15{job="node"}',
  'up{job="node"} == 1',
  'node_exporter_build_info{job="node"}',
  'node_scrape_collector_success{job="node"}',
  'node_scrape_collector_duration_seconds{job="node"}',
];

describe('node-mixin over what the agent tells in its profile core', () => {
  it.each(recorded)('records %s', async (_record, expression) => {
    const series = await query(expression);
    expect(series.length).toBeGreaterThan(0);
    for (const { metric, value } of series) {
      expect(metric).toMatchObject({ job: 'node', instance: expect.any(String) as string });
      expect(Number(value[1])).not.toBeNaN();
    }
  });

  it.each(selected)('has %s', async (expression) => {
    expect((await query(expression)).length).toBeGreaterThan(0);
  });

  it('finds the degraded array of this host', async () => {
    const degraded = await query(
      'node_md_disks_required{job="node"} - ignoring (state) node_md_disks{state="active",job="node"} > 0',
    );
    expect(degraded.map(({ metric }) => metric['device'])).toEqual(['md0']);
  });
});

describe('the dashboard "Node Exporter Full" (1860)', () => {
  it('finds job, node name and instance for its variables', async () => {
    const values = (label: string, selector: string) =>
      ask<string[]>(product, `/api/v1/label/${label}/values`, { 'match[]': selector });
    expect(await values('job', 'node_uname_info')).toEqual(['node']);
    const [nodename = ''] = await values('nodename', 'node_uname_info{job="node"}');
    expect(nodename).not.toBe('');
    const selector = `node_uname_info{job="node",nodename="${nodename}"}`;
    expect(await values('instance', selector)).toHaveLength(1);
  });

  it.each(openRowsOf1860)('has %s in its open rows', async (name) => {
    const [instance] = await ask<string[]>(product, '/api/v1/label/instance/values', {
      'match[]': 'node_uname_info',
    });
    const series = await query(`${name}{job="node",instance="${instance ?? ''}"}`);
    expect(series.length).toBeGreaterThan(0);
  });

  it('finds the space of the root filesystem as it asks for it', async () => {
    const selector = 'job="node",mountpoint="/",fstype!="rootfs"';
    const [used] = await query(
      `(node_filesystem_size_bytes{${selector}} - node_filesystem_avail_bytes{${selector}}) * 100 / node_filesystem_size_bytes{${selector}}`,
    );
    expect(Number(used?.value[1])).toBeGreaterThan(0);
  });
});
