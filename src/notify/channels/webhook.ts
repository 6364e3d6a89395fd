import { createHmac } from 'node:crypto';
import { isFiring, statusOf, type Message, type MessageAlert } from '../message.ts';
import type { PostBody } from '../post.ts';
import type { Target } from '../target.ts';

/** Go's zero time: how Alertmanager says that an alert has not ended. */
const never = '0001-01-01T00:00:00Z';

/** Alertmanager's webhook payload, version 4 (field/alerting.md 2.2), so that its receivers work with this server. */
export function webhookBody(message: Message, { secret }: Target): PostBody {
  const { alerts, groupKey, publicUrl, id } = message;
  const body = `${JSON.stringify({
    receiver: 'gaugeway',
    status: statusOf(message),
    alerts: alerts.map((alert) => alertJson(alert, publicUrl)),
    groupLabels: { alertname: alerts[0]?.ruleName ?? '' },
    commonLabels: common(alerts.map(({ labels }) => labels)),
    commonAnnotations: common(alerts.map(({ annotations }) => annotations)),
    externalURL: publicUrl,
    version: '4',
    groupKey,
    truncatedAlerts: 0,
    ...(message.acknowledgeUrl === undefined ? {} : { acknowledgeURL: message.acknowledgeUrl }),
  })}\n`;
  return { body, headers: { 'idempotency-key': id, ...signature(id, body, secret) } };
}

function alertJson(alert: MessageAlert, publicUrl: string) {
  return {
    status: isFiring(alert) ? 'firing' : 'resolved',
    labels: alert.labels,
    annotations: alert.annotations,
    startsAt: new Date(alert.startsAtMs).toISOString(),
    endsAt: alert.endsAtMs === undefined ? never : new Date(alert.endsAtMs).toISOString(),
    generatorURL: alert.generatorUrl ?? publicUrl,
    fingerprint: alert.fingerprint,
  };
}

/** What all have alike. */
function common(all: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const [first = {}] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => all.every((one) => one[name] === value)),
  );
}

/** Standard Webhooks: `v1,` and the HMAC-SHA256 of id, time and body. */
function signature(id: string, body: string, secret: string | undefined): Record<string, string> {
  const time = String(Math.floor(Date.now() / 1000));
  const named = { 'webhook-id': id, 'webhook-timestamp': time };
  if (secret === undefined) return named;
  const mac = createHmac('sha256', secret).update(`${id}.${time}.${body}`).digest('base64');
  return { ...named, 'webhook-signature': `v1,${mac}` };
}
