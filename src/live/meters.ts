import type { Meters } from '../platform/index.ts';
import type { LiveReason } from './reasons.ts';

export function createLiveMeters(meters: Meters, clients: () => number) {
  const connected = meters.gauge({
    name: 'gaugeway_live_clients',
    help: 'Connections for live updates.',
    collect: () => connected.set(clients()),
  });
  const sent = meters.counter({
    name: 'gaugeway_live_events_total',
    help: 'Events that were told to rooms, by kind; alerts are told to each client.',
    labelNames: ['event'],
  });
  const refused = meters.counter({
    name: 'gaugeway_live_refused_total',
    help: 'Connections refused or ended, by reason.',
    labelNames: ['reason'],
  });
  return {
    sent: (event: 'host.status' | 'metrics') => sent.inc({ event }),
    refused: (reason: LiveReason) => refused.inc({ reason }),
  };
}
