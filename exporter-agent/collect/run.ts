import type { AnyMetricName, Collector, CollectorName, Labels, Tick } from './collector.ts';

/** One value of one series at one tick. */
export interface Point {
  name: AnyMetricName;
  value: number;
  labels: Labels;
}

const noLabels: Labels = [];

export type CollectorFailed = (collector: CollectorName, error: unknown) => void;

export interface RunDeps {
  monotonicMs: () => number;
  onFailure: CollectorFailed;
  /** Say it under node_exporter's names as well. */
  nodeNames?: boolean;
}

/**
 * Runs each collector in order and adds how it went. A collector that throws loses its own points of
 * this tick and nothing else: failures are data (`agent_collector_success`).
 */
export function runCollectors(
  collectors: readonly Collector[],
  tick: Tick,
  deps: RunDeps,
): Point[] {
  const points: Point[] = [];
  for (const collector of collectors) {
    const own: Point[] = [];
    const startedMs = deps.monotonicMs();
    let success = 1;
    try {
      collector.collect(tick, (name, value, labels = noLabels) => {
        if (Number.isFinite(value)) own.push({ name, value, labels });
      });
      points.push(...own);
    } catch (error) {
      success = 0;
      deps.onFailure(collector.name, error);
    }
    const labels: Labels = [['collector', collector.name]];
    const seconds = (deps.monotonicMs() - startedMs) / 1000;
    points.push(
      { name: 'agent_collector_success', value: success, labels },
      { name: 'agent_collector_duration_seconds', value: seconds, labels },
    );
    if (deps.nodeNames !== true) continue;
    points.push(
      { name: 'node_scrape_collector_success', value: success, labels },
      { name: 'node_scrape_collector_duration_seconds', value: seconds, labels },
    );
  }
  return points;
}
