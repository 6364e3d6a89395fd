import type { AlertNotification } from '../../alerts/index.ts';
import { goTime } from './webhook.ts';

/** How often firing alerts are told again; the end is set four times as far, as Prometheus does. */
export const resendMs = 60_000;
const endAfter = 4;

/** `http://am:9093`, with or without a path, to where it takes alerts. */
export function alertmanagerUrl(target: string): string {
  const url = new URL(target);
  const path = url.pathname.replace(/\/+$/, '').replace(/\/api\/v2(?:\/alerts)?$/, '');
  url.pathname = `${path}/api/v2/alerts`;
  return url.href;
}

/** Alertmanager's `postableAlerts`. An alert that nobody tells again ends by itself. */
export function alertmanagerBody(
  alerts: readonly (AlertNotification & { isResolved: boolean })[],
  atMs: number,
): string {
  return JSON.stringify(
    alerts.map((alert) => ({
      labels: alert.labels,
      annotations: alert.annotations,
      startsAt: goTime(alert.startsAtMs),
      endsAt: goTime(alert.isResolved ? (alert.endsAtMs ?? atMs) : atMs + endAfter * resendMs),
      generatorURL: alert.generatorUrl ?? '',
    })),
  );
}
