import type { Meters } from '../platform/index.ts';
import { channelKinds, type ChannelKind } from './channel.ts';
import type { DeliveryReason, OutboxDepth } from './ports.ts';

export interface NotifyMeters {
  attempted(kind: ChannelKind, outcome: 'sent' | 'retry' | 'dead', seconds: number): void;
  /** Alerts that were told, and how long after they were queued, seconds. */
  told(kind: ChannelKind, waits: readonly number[]): void;
  dropped(reason: DeliveryReason, count: number): void;
  failed(step: 'claim' | 'mark' | 'resend'): void;
}

/** `depth` is what the outbox held when it was last looked at. */
export function createNotifyMeters(meters: Meters, depth: () => OutboxDepth): NotifyMeters {
  const sent = meters.counter({
    name: 'alert_notifications_sent_total',
    help: 'Messages about alerts that a receiver took.',
    labelNames: ['channel'],
  });
  for (const channel of channelKinds) sent.inc({ channel }, 0);
  const attempts = meters.counter({
    name: 'gaugeway_notify_attempts_total',
    help: 'Attempts to send a message, by what they came to.',
    labelNames: ['channel', 'outcome'],
  });
  const seconds = meters.histogram({
    name: 'gaugeway_notify_attempt_seconds',
    help: 'Time of one attempt.',
    labelNames: ['channel'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10],
  });
  const delay = meters.histogram({
    name: 'gaugeway_notify_delay_seconds',
    help: 'From the change of an alert in the outbox to the receiver that took it.',
    labelNames: ['channel'],
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800],
  });
  const dropped = meters.counter({
    name: 'gaugeway_notify_dropped_total',
    help: 'Queued messages about an alert that were not sent, by reason.',
    labelNames: ['reason'],
  });
  const failures = meters.counter({
    name: 'gaugeway_notify_failures_total',
    help: 'Steps of the worker that the database or a receiver did not let it take.',
    labelNames: ['step'],
  });
  showDepth(meters, depth);
  return {
    attempted(channel, outcome, took) {
      attempts.inc({ channel, outcome });
      seconds.observe({ channel }, took);
    },
    told(channel, waits) {
      sent.inc({ channel });
      for (const wait of waits) delay.observe({ channel }, wait);
    },
    dropped: (reason, count) => dropped.inc({ reason }, count),
    failed: (step) => failures.inc({ step }),
  };
}

function showDepth(meters: Meters, depth: () => OutboxDepth): void {
  const rows = meters.gauge({
    name: 'gaugeway_notify_outbox_rows',
    help: 'Messages about an alert that wait to be sent, or were given up.',
    labelNames: ['status'],
    collect() {
      const { queued, dead } = depth();
      rows.set({ status: 'queued' }, queued);
      rows.set({ status: 'dead' }, dead);
    },
  });
  const oldest = meters.gauge({
    name: 'gaugeway_notify_outbox_oldest_seconds',
    help: 'Age of the oldest message that waits.',
    collect: () => oldest.set(depth().oldestSeconds),
  });
}
