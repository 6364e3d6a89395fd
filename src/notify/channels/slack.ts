import {
  isFiring,
  labelsOf,
  shownAlerts,
  statusOf,
  summaryOf,
  titleOf,
  whenOf,
  type Message,
  type MessageAlert,
} from '../message.ts';
import type { PostBody } from '../post.ts';

/** Slack's limits: a header of 150, a section of 3,000 characters, some 13,000 in all. */
const limits = { header: 150, section: 900, alerts: 10 };
const colours = { critical: '#d00000', other: '#e8a200', resolved: '#2eb886' };

/** Block Kit with a coloured edge; buttons are links, which work through an incoming webhook. */
export function slackBody(message: Message): PostBody {
  const { shown, hidden } = shownAlerts(message, limits.alerts);
  const title = titleOf(message);
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: cut(title, limits.header) } },
    ...shown.map((alert) => ({
      type: 'section',
      text: { type: 'mrkdwn', text: cut(alertText(alert), limits.section) },
    })),
    ...(hidden > 0 ? [context(`… and ${hidden} more`)] : []),
    ...buttons(message),
  ];
  return {
    body: JSON.stringify({
      text: escape(title),
      attachments: [{ color: colourOf(message), blocks }],
    }),
    headers: { 'idempotency-key': message.id },
  };
}

function colourOf(message: Message): string {
  if (statusOf(message) === 'resolved') return colours.resolved;
  return message.alerts.some(({ severity }) => severity === 'critical')
    ? colours.critical
    : colours.other;
}

function alertText(alert: MessageAlert): string {
  const mark = isFiring(alert) ? '' : ':white_check_mark: ';
  const labels = labelsOf(alert).map(([name, value]) => `\`${escape(name)}=${escape(value)}\``);
  return `${mark}*${escape(summaryOf(alert))}*\n${whenOf(alert)}\n${labels.join(' ')}`;
}

const context = (text: string) => ({
  type: 'context',
  elements: [{ type: 'mrkdwn', text }],
});

function buttons({ acknowledgeUrl }: Message) {
  if (acknowledgeUrl === undefined) return [];
  const text = { type: 'plain_text', text: 'Acknowledge' };
  return [{ type: 'actions', elements: [{ type: 'button', text, url: acknowledgeUrl }] }];
}

const cut = (text: string, most: number) =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** Slack's own three. */
const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
