import type { AlertNotification, NotificationKind } from '../alerts/index.ts';

export interface MessageAlert extends AlertNotification {
  kind: NotificationKind;
  incidentId: string;
  fingerprint: string;
}

/** One message about one or many alerts of a rule, to one channel. */
export interface Message {
  /** Stays the same over all tries: receivers can tell a repeat by it. */
  id: string;
  tenantId: string;
  /** Which alerts go together: the rule. */
  groupKey: string;
  /** Firing ones first. */
  alerts: readonly MessageAlert[];
  /** How people reach this server; empty where it was not configured. */
  publicUrl: string;
  /** Where a person takes the alerts over; absent where there is nothing to take over. */
  acknowledgeUrl?: string;
}

export const isFiring = ({ kind }: Pick<MessageAlert, 'kind'>): boolean => kind !== 'resolved';

/** `firing` while one of its alerts is. */
export const statusOf = ({ alerts }: Message): 'firing' | 'resolved' =>
  alerts.some(isFiring) ? 'firing' : 'resolved';

const words: Readonly<Record<NotificationKind, string>> = {
  firing: 'FIRING',
  refired: 'FIRING AGAIN',
  repeat: 'STILL FIRING',
  resolved: 'RESOLVED',
};

/** `[FIRING] CPU Hot on web-1`, `[FIRING:12] CPU Hot`. */
export function titleOf(message: Message): string {
  const status = statusOf(message);
  const counted = message.alerts.filter((alert) => isFiring(alert) === (status === 'firing'));
  const [first] = counted;
  if (first === undefined) return '';
  if (counted.length > 1) return `[${words[status]}:${counted.length}] ${first.ruleName}`;
  const where = first.hostId === undefined ? '' : ` on ${first.hostId}`;
  return `[${words[first.kind]}] ${first.ruleName}${where}`;
}

/** What happened, in the rule's own words where it has some. */
export function summaryOf({ annotations, ruleName, value }: AlertNotification): string {
  return annotations['summary'] ?? annotations['description'] ?? `${ruleName}: ${valueOf(value)}`;
}

export function valueOf(value: number | string | null): string {
  if (typeof value === 'number' && Number.isFinite(value))
    return String(Number(value.toPrecision(6)));
  return String(value ?? 'NaN').replace('Infinity', 'Inf');
}

/** `3 d 4 h`, `2 min 5 s`: the two largest units. */
export function durationOf(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ] as const;
  const parts: string[] = [];
  let rest = ms;
  for (const [unitMs, unit] of units) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${unit}`);
  }
  return parts.join(' ') || '0 s';
}

/** `2026-11-23 05:33:10 UTC`. */
export const timeOf = (ms: number): string =>
  `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** `since 2026-… UTC`, or how long it lasted. */
export function whenOf({ startsAtMs, endsAtMs }: AlertNotification): string {
  if (endsAtMs === undefined) return `since ${timeOf(startsAtMs)}`;
  return `lasted ${durationOf(endsAtMs - startsAtMs)}, until ${timeOf(endsAtMs)}`;
}

/** Alerts that a message names one by one; of the others it says how many they are. */
export function shownAlerts(message: Message, most: number) {
  const shown = message.alerts.slice(0, most);
  return { shown, hidden: message.alerts.length - shown.length };
}

/** Labels that say more than the title does, sorted. */
export function labelsOf({ labels }: AlertNotification): [string, string][] {
  return Object.entries(labels)
    .filter(([name]) => name !== 'alertname')
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
