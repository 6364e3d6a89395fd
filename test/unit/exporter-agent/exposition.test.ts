import { describe, expect, it } from 'vitest';
import { parseListenAddress } from '../../../exporter-agent/listen/address.ts';
import { toExposition } from '../../../exporter-agent/listen/exposition.ts';

describe('the exposition format', () => {
  it('has each metric in one group, with its help and type, whatever the order of the points', () => {
    const text = toExposition([
      { name: 'net_tx_mbps', value: 1.5, labels: [['device', 'eth0']] },
      { name: 'node_vmstat_pgfault', value: 7, labels: [] },
      { name: 'net_tx_mbps', value: 0, labels: [['device', 'eth1']] },
      { name: 'node_forks_total', value: 9, labels: [] },
      { name: 'up', value: 1, labels: [] },
    ]);
    expect(text.split('\n').filter((line) => !line.startsWith('# HELP'))).toEqual([
      '# TYPE net_tx_mbps gauge',
      'net_tx_mbps{device="eth0"} 1.5',
      'net_tx_mbps{device="eth1"} 0',
      '# TYPE node_vmstat_pgfault untyped',
      'node_vmstat_pgfault 7',
      '# TYPE node_forks_total counter',
      'node_forks_total 9',
      '',
    ]);
  });

  it('escapes what would end a label early', () => {
    const text = toExposition([
      { name: 'disk_used_pct', value: 1, labels: [['mountpoint', 'a"b\\c\nd']] },
    ]);
    expect(text).toContain('disk_used_pct{mountpoint="a\\"b\\\\c\\nd"} 1\n');
  });
});

describe('an address to listen on', () => {
  it.each([
    ['127.0.0.1:9100', { host: '127.0.0.1', port: 9100 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    [':9100', { host: '', port: 9100 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ])('%s', (text, address) => expect(parseListenAddress(text)).toEqual(address));

  it.each(['9100', 'host', '::1:9100', 'a:b', '127.0.0.1:65536', 'a b:1', 'host:'])(
    'is not %j',
    (text) => expect(parseListenAddress(text)).toBeUndefined(),
  );
});
