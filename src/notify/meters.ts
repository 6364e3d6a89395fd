import type { Meters } from '../platform/index.ts';
import type { SendOutcome } from './channel.ts';
import type { ChannelKind } from './target.ts';

export interface NotifyMeters {
  tried(kind: ChannelKind, outcome: SendOutcome['kind'], seconds: number): void;
}

/** `depth` is asked at each scrape. */
export function createNotifyMeters(
  meters: Meters,
  depth: () => { queued: number; oldestSeconds: number; dead: number },
): NotifyMeters {
  const sent = meters.counter({
    name: 'alert_notifications_sent_total',
    help: 'Messages that a receiver took, by kind of channel.',
    labelNames: ['channel'],
  });
  const attempts = meters.counter({
    name: 'gaugeway_notify_attempts_total',
    help: 'Tries to send a message, by kind of channel and what they came to.',
    labelNames: ['channel', 'outcome'],
  });
  const durations = meters.histogram({
    name: 'gaugeway_notify_send_seconds',
    help: 'Time of one try to send a message.',
    buckets: [0.05, 0.2, 0.5, 1, 2, 5, 10],
  });
  const queued = meters.gauge({
    name: 'gaugeway_notify_queued',
    help: 'Messages about single alerts that wait in the outbox.',
    collect: () => queued.set(depth().queued),
  });
  const oldest = meters.gauge({
    name: 'gaugeway_notify_oldest_seconds',
    help: 'Age of the oldest of them.',
    collect: () => oldest.set(depth().oldestSeconds),
  });
  const dead = meters.gauge({
    name: 'gaugeway_notify_dead',
    help: 'Messages of the last day that were given up and can be sent again by hand.',
    collect: () => dead.set(depth().dead),
  });
  return {
    tried(kind, outcome, seconds) {
      attempts.inc({ channel: kind, outcome });
      durations.observe(seconds);
      if (outcome === 'sent') sent.inc({ channel: kind });
    },
  };
}
