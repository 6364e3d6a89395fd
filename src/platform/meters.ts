import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export type { Counter, Gauge, Histogram };

interface MeterSpec<L extends string> {
  name: string;
  help: string;
  labelNames?: readonly L[];
  /** Called at each scrape; hot paths keep plain numbers and set the value here. */
  collect?: () => void;
}

/** One metric with what it says at this moment. */
export interface MeterFamily {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram' | 'summary';
  /** Under the names and labels of the exposition: a histogram's are `NAME_bucket`, `NAME_sum`, `NAME_count`. */
  samples: readonly MeterSample[];
}

export interface MeterSample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** One registry, handed to every room; nothing registers itself globally. */
export interface Meters {
  counter<L extends string>(spec: MeterSpec<L>): Counter<L>;
  gauge<L extends string>(spec: MeterSpec<L>): Gauge<L>;
  histogram<L extends string>(spec: MeterSpec<L> & { buckets?: number[] }): Histogram<L>;
  /** The exposition text of everything registered. */
  text(): Promise<string>;
  readonly contentType: string;
  /** The same as values, for those who store them. */
  families(): Promise<MeterFamily[]>;
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
    families: () => familiesOf(registry),
    registry,
  };
}

/** What prom-client gives as JSON; its own type knows neither the names of a histogram's parts nor numbers as labels. */
interface JsonFamily {
  name: string;
  help: string;
  type: MeterFamily['type'];
  values: { metricName?: string; labels: Record<string, string | number>; value: number }[];
}

async function familiesOf(registry: Registry): Promise<MeterFamily[]> {
  const families = (await registry.getMetricsAsJSON()) as unknown as JsonFamily[];
  return families.map(({ name, help, type, values }) => ({
    ...{ name, help, type },
    samples: values.map(({ metricName, labels, value }) => ({
      name: metricName ?? name,
      labels: Object.fromEntries(
        Object.entries(labels).map(([label, text]) => [label, String(text)]),
      ),
      value,
    })),
  }));
}
