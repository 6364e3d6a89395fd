import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export type { Counter, Gauge, Histogram };

interface MeterSpec<L extends string> {
  name: string;
  help: string;
  labelNames?: readonly L[];
  /** Called at each scrape; hot paths keep plain numbers and set the value here. */
  collect?: () => void;
}

/** One registry, handed to every room; nothing registers itself globally. */
export interface Meters {
  counter<L extends string>(spec: MeterSpec<L>): Counter<L>;
  gauge<L extends string>(spec: MeterSpec<L>): Gauge<L>;
  histogram<L extends string>(spec: MeterSpec<L> & { buckets?: number[] }): Histogram<L>;
  /** The exposition text of everything registered. */
  text(): Promise<string>;
  readonly contentType: string;
  /** For libraries that register their own (promster). */
  readonly registry: Registry;
}

export function createMeters(options: { processMetrics?: boolean } = {}): Meters {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const common = <L extends string>(spec: MeterSpec<L>) => ({
    name: spec.name,
    help: spec.help,
    labelNames: [...(spec.labelNames ?? [])],
    registers: [registry],
    ...(spec.collect ? { collect: spec.collect } : {}),
  });
  return {
    counter: (spec) => new Counter(common(spec)),
    gauge: (spec) => new Gauge(common(spec)),
    histogram: (spec) =>
      new Histogram({ ...common(spec), ...(spec.buckets ? { buckets: spec.buckets } : {}) }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
    registry,
  };
}
