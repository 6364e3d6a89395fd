import { trackedMetrics, type Figures, type TrackedMetric } from '../host-metrics/index.ts';

export type HostStatus = 'ok' | 'warn' | 'crit';

/** Why a host is not `ok`; the codes are public API. */
export type StatusReason =
  /** No sign of life for over 2 minutes. */
  | { code: 'heartbeat_lost'; sinceMs: number }
  /** Added by hand over 2 minutes ago, and never heard of. */
  | { code: 'never_seen'; sinceMs: number }
  /** Above 90 % for a minute or longer. */
  | { code: 'above_90_percent'; metric: TrackedMetric; value: number }
  /** 70 % or more, or above 90 % for less than a minute. */
  | { code: 'above_70_percent'; metric: TrackedMetric; value: number };

export interface DerivedStatus {
  status: HostStatus;
  /** Null where the status is `ok`. */
  reason: StatusReason | null;
}

/** PRP §10.2. */
const lostAfterMs = 2 * 60_000;
const warnPercent = 70;

/**
 * PRP §10.2, pure: crit where a heartbeat is lost for over 2 min or a metric was above 90 % for a minute, warn where one
 * is at 70 % or more. Without figures the heartbeat alone decides.
 */
export function deriveStatus(
  host: { createdAtMs: number; lastSeenAtMs: number | null },
  figures: Figures | undefined,
  nowMs: number,
): DerivedStatus {
  // What was never seen counts from its making: the agent gets its two minutes too.
  const sinceMs = host.lastSeenAtMs ?? host.createdAtMs;
  if (nowMs - sinceMs > lostAfterMs) {
    const code = host.lastSeenAtMs === null ? 'never_seen' : 'heartbeat_lost';
    return { status: 'crit', reason: { code, sinceMs } };
  }
  if (!figures) return { status: 'ok', reason: null };
  const [held] = figures.held;
  if (held !== undefined) {
    const value = figures.tracked[held] ?? 0;
    return { status: 'crit', reason: { code: 'above_90_percent', metric: held, value } };
  }
  const [highest] = trackedMetrics
    .map((metric) => ({ metric, value: figures.tracked[metric] ?? 0 }))
    // What is no number says nothing, and would stand anywhere in the order.
    .filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => b.value - a.value);
  if (highest === undefined || highest.value < warnPercent) return { status: 'ok', reason: null };
  return { status: 'warn', reason: { code: 'above_70_percent', ...highest } };
}

/** One sentence for people. */
export function describeReason(reason: StatusReason, nowMs: number): string {
  switch (reason.code) {
    case 'heartbeat_lost':
      return `no sign of life for ${lengthOf(nowMs - reason.sinceMs)}`;
    case 'never_seen':
      return 'no agent has reported for this host yet';
    case 'above_90_percent':
      return `${reason.metric} has been above 90 % for a minute or longer, now ${reason.value.toFixed(1)} %`;
    case 'above_70_percent':
      return `${reason.metric} is at ${reason.value.toFixed(1)} %`;
  }
}

function lengthOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
