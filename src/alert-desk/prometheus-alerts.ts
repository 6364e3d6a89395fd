import type { StoredAlert } from './ports.ts';

export function alertsByRule(alerts: readonly StoredAlert[]): Map<string, StoredAlert[]> {
  const found = new Map<string, StoredAlert[]>();
  for (const alert of alerts) {
    const ofRule = found.get(alert.ruleKey);
    if (ofRule) ofRule.push(alert);
    else found.set(alert.ruleKey, [alert]);
  }
  return found;
}

/** As Prometheus's API shows a pending or firing alert. */
export function toPrometheusAlert(alert: StoredAlert): object {
  const { labels, annotations, state, activeAtMs, keepFiringSinceMs, value } = alert;
  return {
    ...{ labels, annotations, state, activeAt: new Date(activeAtMs).toISOString() },
    ...(keepFiringSinceMs === null
      ? {}
      : { keepFiringSince: new Date(keepFiringSinceMs).toISOString() }),
    value: exponentText(value),
  };
}

/** Go's `strconv.FormatFloat(v, 'e', -1, 64)`. */
export function exponentText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const sign = Object.is(value, -0) ? '-' : '';
  return sign + value.toExponential().replace(/([+-])(\d)$/, '$10$2');
}
