import { createHmac } from 'node:crypto';
import { commonOf, isAllResolved, type Message, type MessageAlert } from '../message.ts';

/** Most alerts in one payload. */
export const maxAlerts = 1_000;

/** Go's zero time: the end of what has not ended. */
const noTime = '0001-01-01T00:00:00Z';

/** Alertmanager's webhook, version 4, byte for byte where it has a field; `acknowledgeURL` of an alert is ours. */
export function webhookBody(message: Message): string {
  const { alerts, channel, publicUrl } = message;
  const groupLabels = groupLabelsOf(alerts);
  const payload = {
    receiver: quoteMeta(channel.name),
    status: isAllResolved(message) ? 'resolved' : 'firing',
    alerts: alerts.slice(0, maxAlerts).map(toAlert),
    groupLabels,
    commonLabels: commonOf(alerts.map(({ labels }) => labels)),
    commonAnnotations: commonOf(alerts.map(({ annotations }) => annotations)),
    externalURL: publicUrl,
    version: '4',
    groupKey: groupKeyOf(groupLabels),
    truncatedAlerts: Math.max(0, alerts.length - maxAlerts),
  };
  return `${goJson(payload)}\n`;
}

function toAlert(alert: MessageAlert) {
  return {
    status: alert.isResolved ? 'resolved' : 'firing',
    labels: sorted(alert.labels),
    annotations: sorted(alert.annotations),
    startsAt: goTime(alert.startsAtMs),
    endsAt: alert.isResolved ? goTime(alert.endsAtMs ?? alert.startsAtMs) : noTime,
    generatorURL: alert.generatorUrl ?? '',
    fingerprint: alert.fingerprint,
    ...(alert.acknowledgeUrl === undefined ? {} : { acknowledgeURL: alert.acknowledgeUrl }),
  };
}

function groupLabelsOf(alerts: readonly MessageAlert[]): Record<string, string> {
  const name = alerts[0]?.labels['alertname'];
  return name === undefined ? {} : { alertname: name };
}

const groupKeyOf = (labels: Record<string, string>): string =>
  `{}:{${Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ')}}`;

const sorted = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));

/** RFC 3339 as Go prints it: no zeros at the end of the fraction. */
export const goTime = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace(/(\.\d*?)0+Z$/, '$1Z')
    .replace('.Z', 'Z');

/** As Go's encoder, which escapes what a browser could take for markup. */
const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Go's regexp.QuoteMeta, which Alertmanager applies to the receiver's name. */
const quoteMeta = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');

/** Standard Webhooks: `v1,` and the HMAC-SHA256 of `ID.SECONDS.BODY`, Base64. */
export function signatureHeaders(
  message: Pick<Message, 'id' | 'atMs'>,
  body: string,
  secret: string | undefined,
): Record<string, string> {
  const seconds = String(Math.floor(message.atMs / 1_000));
  const ids = { 'webhook-id': message.id, 'webhook-timestamp': seconds };
  if (secret === undefined) return ids;
  const mac = createHmac('sha256', keyOf(secret)).update(`${message.id}.${seconds}.${body}`);
  return { ...ids, 'webhook-signature': `v1,${mac.digest('base64')}` };
}

/** `whsec_` and Base64, as Standard Webhooks has it; any other text is taken as it is. */
function keyOf(secret: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  return encoded === undefined ? Buffer.from(secret) : Buffer.from(encoded, 'base64');
}
