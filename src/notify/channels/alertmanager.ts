import { isFiring, type Message, type MessageAlert } from '../message.ts';
import type { PostBody } from '../post.ts';

/** Alertmanager resolves by itself what is not sent again until then; Prometheus takes four intervals of a minute. */
const holdsForMs = 4 * 60_000;

/** `POST /api/v2/alerts` of the team's own Alertmanager. */
export function alertmanagerBody(message: Message, nowMs: number): PostBody {
  const alerts = message.alerts.map((alert) => alertJson(alert, message.publicUrl, nowMs));
  return { body: JSON.stringify(alerts), headers: { 'idempotency-key': message.id } };
}

function alertJson(alert: MessageAlert, publicUrl: string, nowMs: number) {
  const endsAtMs = isFiring(alert) ? nowMs + holdsForMs : (alert.endsAtMs ?? nowMs);
  const generatorURL = alert.generatorUrl ?? publicUrl;
  return {
    labels: alert.labels,
    annotations: alert.annotations,
    startsAt: new Date(alert.startsAtMs).toISOString(),
    endsAt: new Date(endsAtMs).toISOString(),
    ...(generatorURL === '' ? {} : { generatorURL }),
  };
}

/** Where alerts are posted, whatever path of the server was given. */
export const alertmanagerUrl = (address: string): string =>
  /\/api\/v2\/alerts\/?$/.test(address) ? address : `${address.replace(/\/$/, '')}/api/v2/alerts`;
