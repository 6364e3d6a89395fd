import { createDecodeKernel, encodeWriteRequest, type Label } from '../../../src/wire/index.ts';

export const seriesPerHost = 150;

interface Kind {
  labels: Label[];
  /** Of the host's number and the count of its rounds. */
  valueOf: (host: number, round: number) => number;
}

/** As monitored machines are: some gauges that breathe, most of it counters of whole numbers that go up. */
const kinds: readonly Kind[] = [
  gauge('cpu_utilization', 22),
  gauge('mem_used_pct', 41),
  ...['sda1', 'sdb1'].map((device) => gauge('disk_used_pct', 37, ['device', device])),
  ...['eth0', 'eth1'].flatMap((device) => [
    gauge('net_rx_mbps', 12, ['device', device]),
    gauge('net_tx_mbps', 9, ['device', device]),
  ]),
  ...Array.from({ length: 16 }, (_, at) =>
    gauge('node_hwmon_temp_celsius', 48, ['sensor', `temp${String(at)}`]),
  ),
  ...Array.from({ length: 96 }, (_, at) =>
    counter('node_cpu_seconds_total', at % 6 === 0 ? 480 : 3, [
      'cpu',
      `${String(at >> 3)}-${String(at & 7)}`,
    ]),
  ),
  ...Array.from({ length: 30 }, (_, at) =>
    counter('node_network_receive_bytes_total', at % 3 === 0 ? 61_440 : 0, [
      'device',
      `veth${String(at)}`,
    ]),
  ),
];

function gauge(name: string, level: number, ...more: Label[]): Kind {
  return {
    labels: [['__name__', name], ...more],
    valueOf: (host, round) => level + ((round * 7 + host * 13) % 31) / 10,
  };
}

function counter(name: string, perRound: number, ...more: Label[]): Kind {
  return {
    labels: [['__name__', name], ...more],
    valueOf: (host, round) => host * 1_000 + round * perRound + ((round * 11 + host) % 5),
  };
}

const marker = 1_700_000_000_000;

/** Bodies of one machine after another; each is made anew from one template, in which the host's name has one length. */
export class FleetBodies {
  private readonly bytes: Buffer;
  private readonly valueAt: readonly number[];
  private readonly nameAt: readonly number[];
  private readonly kernel = createDecodeKernel({
    ...{ maxDecodedBytes: 1 << 20, maxSeries: 1_000, maxKnownSeries: 16 },
  });

  constructor() {
    if (kinds.length !== seriesPerHost) throw new Error(`${String(kinds.length)} series a host`);
    const host = nameOf(99_999);
    const labelsOf = (kind: Kind): Label[] =>
      [...kind.labels, ['host_id', host] as const].sort(([a], [b]) => (a < b ? -1 : 1));
    this.bytes = encodeWriteRequest(
      kinds.map((kind) => ({
        labels: labelsOf(kind),
        samples: [{ value: 1, timestampMs: marker }],
      })),
    );
    const sample = encodeWriteRequest([
      { labels: [], samples: [{ value: 1, timestampMs: marker }] },
    ]).subarray(-16);
    this.valueAt = positions(this.bytes, sample).map((at) => at + 1);
    this.nameAt = positions(this.bytes, Buffer.from(host));
    if (this.valueAt.length !== kinds.length || this.nameAt.length !== kinds.length) {
      throw new Error('the template is not regular');
    }
  }

  make(host: number, round: number, timestampMs: number): Buffer {
    const name = Buffer.from(nameOf(host));
    for (const at of this.nameAt) name.copy(this.bytes, at);
    for (const [index, at] of this.valueAt.entries()) {
      this.bytes.writeDoubleLE(kinds[index]!.valueOf(host, round), at);
      writeSixByteVarint(this.bytes, at + 9, timestampMs);
    }
    return this.kernel.compress(this.bytes);
  }
}

export const nameOf = (host: number): string => `host-${String(host).padStart(5, '0')}`;

function positions(bytes: Buffer, sought: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(sought); at !== -1; at = bytes.indexOf(sought, at + 1))
    found.push(at);
  return found;
}

function writeSixByteVarint(bytes: Buffer, at: number, value: number): void {
  let rest = value;
  for (let i = 0; i < 5; i += 1) {
    bytes[at + i] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[at + 5] = rest;
}
