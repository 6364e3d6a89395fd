import { fingerprint, type AlertNotification, type NotificationKind } from '../alerts/index.ts';
import type { Channel } from './channel.ts';

export interface MessageAlert extends AlertNotification {
  incidentId: string;
  kind: NotificationKind;
  fingerprint: string;
  isResolved: boolean;
  /** Takes over this very alert; absent of a resolved one and where the server's address is not known. */
  acknowledgeUrl?: string | undefined;
}

/** One message to one channel: alerts of one rule that changed at about the same time. */
export interface Message {
  /** The same in every attempt. */
  id: string;
  channel: Channel;
  ruleName: string;
  groupKey: string;
  /** Firing ones first, the gravest of them first; never empty. */
  alerts: readonly MessageAlert[];
  /** Takes over all of its alerts that fire; absent as of an alert. */
  acknowledgeUrl?: string | undefined;
  /** How people reach this server; empty where it is not known. */
  publicUrl: string;
  atMs: number;
}

const gravity = ['critical', 'page', 'error', 'high', 'warning', 'medium', 'info', 'low'];

const rankOf = ({ isResolved, severity }: MessageAlert): number => {
  const place = gravity.indexOf(severity ?? '');
  return (isResolved ? 100 : 0) + (place < 0 ? gravity.length : place);
};

export function sortAlerts(alerts: readonly MessageAlert[]): MessageAlert[] {
  return [...alerts].sort((a, b) => rankOf(a) - rankOf(b) || a.startsAtMs - b.startsAtMs);
}

export function toMessageAlert(
  delivery: { incidentId: string; kind: NotificationKind; alert: AlertNotification },
  acknowledgeUrl: string | undefined,
): MessageAlert {
  const { incidentId, kind, alert } = delivery;
  const isResolved = kind === 'resolved';
  return {
    ...alert,
    ...{ incidentId, kind, isResolved },
    fingerprint: fingerprint(new Map(Object.entries(alert.labels))),
    ...(isResolved ? {} : { acknowledgeUrl }),
  };
}

export const firingOf = ({ alerts }: Message) => alerts.filter(({ isResolved }) => !isResolved);
export const isAllResolved = ({ alerts }: Message) => alerts.every(({ isResolved }) => isResolved);

/** Labels or annotations that all of them have with the same value. */
export function commonOf(
  sets: readonly Readonly<Record<string, string>>[],
): Record<string, string> {
  const [first = {}, ...rest] = sets;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => rest.every((set) => set[name] === value)),
  );
}
