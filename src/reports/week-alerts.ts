import type { RuleWeek } from './weekly-report.ts';

export interface WeekAlert {
  rule: string;
  severity: string;
  hostId: string | null;
  openedAtMs: number;
  /** Null while it fires on. */
  closedAtMs: number | null;
}

interface Week {
  startMs: number;
  endMs: number;
  timeZone: string;
}

/** Most alerts first; only the time within the week counts. */
export function ruleWeeks(alerts: readonly WeekAlert[], { startMs, endMs }: Week): RuleWeek[] {
  const rules = new Map<string, WeekAlert[]>();
  for (const alert of alerts) {
    const key = `${alert.rule}\0${alert.severity}`;
    rules.set(key, [...(rules.get(key) ?? []), alert]);
  }
  return [...rules.values()]
    .map((ofRule) => {
      const firingMs = ofRule.reduce(
        (sum, { openedAtMs, closedAtMs }) =>
          sum + Math.max(0, Math.min(closedAtMs ?? endMs, endMs) - Math.max(openedAtMs, startMs)),
        0,
      );
      return {
        ...{ rule: ofRule[0]?.rule ?? '', severity: ofRule[0]?.severity ?? '' },
        alerts: ofRule.length,
        hosts: new Set(ofRule.map(({ hostId }) => hostId)).size,
        firingMinutes: Math.round(firingMs / 60_000),
      };
    })
    .sort((a, b) => b.alerts - a.alerts || b.firingMinutes - a.firingMinutes);
}

/** How many began on each day of the week, as the zone counts days. */
export function alertsPerDay(
  alerts: readonly WeekAlert[],
  { startMs, endMs, timeZone }: Week,
): { label: string; alerts: number }[] {
  const day = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, weekday: 'short', day: 'numeric', month: 'short' },
  });
  const counts = new Map<string, number>();
  // By hours: a day of a change to summer time has 23.
  for (let atMs = startMs; atMs < endMs; atMs += 3_600_000) counts.set(day.format(atMs), 0);
  for (const { openedAtMs } of alerts) {
    if (openedAtMs < startMs || openedAtMs >= endMs) continue;
    const label = day.format(openedAtMs);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].map(([label, count]) => ({ label, alerts: count }));
}
