import type { Problem } from './problem.ts';
import type { AlertTerms } from '../alerts/index.ts';
import type { ScopeMatcher } from './scope.ts';
import type { Template } from './template/expand.ts';

export interface AlertingRule extends AlertTerms {
  kind: 'alert';
  name: string;
  /** PromQL, also where the file has the product's own expression. */
  expression: string;
  labels: ReadonlyMap<string, Template>;
  annotations: ReadonlyMap<string, Template>;
  /** Least time between two firing messages of one alert, milliseconds. */
  cooldownMs: number;
  /** `email:ADDRESS`, `webhook:URL`, `alertmanager:URL`, or a bare kind for the tenant's own one. */
  channels: readonly string[];
  enabled: boolean;
  /** The product's own rules have one; it stays when the rule moves or changes. */
  id?: string;
  /** As its author wrote it, where that is not PromQL. */
  written?: { expression: string; scope: readonly ScopeMatcher[] };
}

export interface RecordingRule {
  kind: 'record';
  name: string;
  expression: string;
  labels: ReadonlyMap<string, string>;
}

export type Rule = AlertingRule | RecordingRule;

export interface RuleGroup {
  file: string;
  name: string;
  /** Milliseconds; undefined for the server's own. */
  intervalMs: number | undefined;
  /** Most results of one rule; 0 is no limit. */
  limit: number;
  /** How far back the rules look, and their results are stamped; undefined for the server's own. */
  queryOffsetMs: number | undefined;
  rules: readonly Rule[];
}

export interface RuleFile {
  groups: readonly RuleGroup[];
  problems: readonly Problem[];
}

/** What Prometheus has, and imported rules get. */
export const prometheusTerms = {
  resolveAfter: 1,
  onNoData: 'resolve',
  cooldownMs: 0,
  channels: [],
  enabled: true,
} as const;
