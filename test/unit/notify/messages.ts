import type { Message } from '../../../src/notify/message.ts';
import { sortAlerts, toMessageAlert } from '../../../src/notify/message.ts';
import type { Channel } from '../../../src/notify/index.ts';

interface Wanted {
  kind?: 'firing' | 'refired' | 'repeat' | 'resolved';
  host?: string;
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  flaps?: number;
  ruleName?: string;
}

export const startMs = Date.parse('2026-11-22T20:31:35.460Z');

export function messageOf(channel: Partial<Channel>, wanted: readonly Wanted[] = [{}]): Message {
  const link = 'https://gw.example/a/token';
  const alerts = wanted.map(({ kind = 'firing', host = 'web-1', ...rest }, index) => {
    const { flaps = 0, ruleName = 'CPU High' } = rest;
    const labels = { alertname: ruleName, host_id: host, severity: 'critical', ...rest.labels };
    return toMessageAlert(
      {
        ...{ incidentId: `incident-${index}`, kind },
        alert: {
          ...{ ruleName, labels, value: 97.123456789, severity: 'critical', hostId: host, flaps },
          annotations: { summary: `CPU of ${host} at 97%`, ...rest.annotations },
          startsAtMs: startMs,
          ...(kind === 'resolved' ? { endsAtMs: startMs + 754_000 } : {}),
        },
      },
      link,
    );
  });
  return {
    ...{ id: '00000000-0000-4000-8000-000000000001', ruleName: wanted[0]?.ruleName ?? 'CPU High' },
    channel: {
      ...{ tenantId: 'default', name: 'ops', kind: 'webhook', target: 'https://x.example/' },
      ...{ settings: {}, ...channel },
    },
    ...{ groupKey: 'g', alerts: sortAlerts(alerts), acknowledgeUrl: link },
    ...{ publicUrl: 'https://gw.example', atMs: startMs + 60_000 },
  };
}
