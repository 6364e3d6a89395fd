import type { Matcher } from './promql/ast.ts';

export interface MetadataEntry {
  metric: string;
  type: string;
  help: string;
  unit: string;
}

/** Port: what senders said about their metrics, one tenant's only. Implemented in storage/postgres. */
export interface MetadataReader {
  list(tenantId: string, filter: { metric?: string }): Promise<readonly MetadataEntry[]>;
}

export interface Exemplar {
  labels: Readonly<Record<string, string>>;
  value: number;
  timestampMs: number;
}

export interface ExemplarSeries {
  /** With `__name__`, without the tenant. */
  labels: Readonly<Record<string, string>>;
  exemplars: readonly Exemplar[];
}

/** Port: the bounded exemplar store; a series matches when all matchers of any one selector do. */
export interface ExemplarReader {
  select(request: {
    tenantId: string;
    selectors: readonly (readonly Matcher[])[];
    startMs: number;
    endMs: number;
  }): readonly ExemplarSeries[] | Promise<readonly ExemplarSeries[]>;
}
