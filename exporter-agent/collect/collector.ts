import type { MetricName } from '../../src/catalog/index.ts';
import type { NodeMetricName } from './node/metric.ts';

/** One moment at which everything is read. */
export interface Tick {
  /** Wall clock, milliseconds since the epoch: the samples' timestamp. */
  wallMs: number;
  /** Never jumps: the only clock that rates may use. */
  monotonicMs: number;
  /** The interval in force, to tell a pause from a tick. */
  intervalMs: number;
  /** /proc/sys/kernel/random/boot_id; counters of another boot are not continued. */
  bootId: string;
}

/** Label name and value, beside host_id; in any order. */
export type Labels = readonly (readonly [name: string, value: string])[];

/** A name of the catalog, or one of node_exporter's. */
export type AnyMetricName = MetricName | NodeMetricName;

/** Receives what a collector finds; values that are not finite are left out by the runner. */
export type Emit = (name: AnyMetricName, value: number, labels?: Labels) => void;

/** Why a collector has nothing to tell, as opposed to a fault. */
export type NoDataReason = 'not-on-this-host' | 'not-yet';

export type CollectOutcome = 'ok' | NoDataReason;

export type CollectorName =
  | 'cpu'
  | 'loadavg'
  | 'memory'
  | 'filesystem'
  | 'disk'
  | 'network'
  | 'sockets'
  | 'kernel'
  | 'processes'
  | 'gpu'
  | 'vmstat'
  | 'pressure'
  | 'filefd'
  | 'conntrack'
  | 'uname'
  | 'mdadm'
  | 'bonding'
  | 'netstat'
  | 'softnet'
  | 'schedstat'
  | 'entropy'
  | 'arp'
  | 'udp_queues'
  | 'netclass'
  | 'cpufreq'
  | 'hwmon'
  | 'thermal_zone'
  | 'powersupplyclass'
  | 'os'
  | 'textfile'
  | 'cgroup'
  | 'node-self'
  | 'self';

/**
 * A subject: it declares its metrics, reads through `Procfs`, and leaves parsing to a pure function.
 * `collect` never waits (a tick must not hang on a dead mount) and may throw: the runner counts it.
 */
export interface Collector {
  readonly name: CollectorName;
  /** Its metrics of the catalog; node_exporter's names are not listed. */
  readonly emits: readonly MetricName[];
  collect(tick: Tick, emit: Emit): CollectOutcome;
}
