import { GaugewayError } from '../platform/index.ts';
import type { Expr } from './promql/ast.ts';
import { labelsUsed } from './promql/selectors.ts';

/** The label that keeps tenants apart in storage; clients neither see nor name it. */
export const tenantLabel = 'tenant';

/** The only arguments that storage is ever sent, whatever the client wrote. */
type StorageArgument =
  | 'query'
  | 'time'
  | 'start'
  | 'end'
  | 'step'
  | 'timeout'
  | 'match[]'
  | 'limit'
  | 'topN'
  | 'nocache'
  | 'latency_offset';

export type StorageArguments = readonly (readonly [StorageArgument, string])[];

/**
 * The arguments of one request to storage, with the tenant in it: exactly one `extra_label`, in the URL.
 * `extra_filters` is never used: VictoriaMetrics ORs repeated ones, and a second would open another tenant
 * (field/reliability B2).
 */
export function scopedArguments(
  tenantId: string,
  args: StorageArguments,
  label = tenantLabel,
): URLSearchParams {
  if (tenantId === '') throw new GaugewayError('INTERNAL_ERROR', 'a query without a tenant');
  const scoped = new URLSearchParams();
  for (const [name, value] of args) scoped.append(name, value);
  scoped.append('extra_label', `${label}=${tenantId}`);
  return scoped;
}

/** Refuses an expression that reads, matches or would print the reserved label. */
export function refuseReservedLabel(expr: Expr): void {
  if (!labelsUsed(expr).has(tenantLabel)) return;
  throw new GaugewayError('BAD_REQUEST', `label "${tenantLabel}" is reserved by this server`);
}
