/** One metric of the product: the only place that spells its names. */
export interface Metric {
  /** The PRP's dotted name, used by the REST API: `cpu.utilization`. */
  apiName: string;
  /** The name in PromQL: `cpu_utilization`. */
  name: string;
  kind: 'gauge' | 'counter';
  /** `%`, `MiB`, `Mbit/s`, `ops/s`, … as shown to people. */
  unit: string;
  /** Label names beside `host_id` and the host's tags. */
  labels: readonly string[];
  help: string;
  /** Kernel file, man page or requirement that it comes from. */
  source: string;
}
