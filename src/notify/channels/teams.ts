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

/** A card may have 28 KB. */
const limits = { alerts: 15, text: 500 };

/** An Adaptive Card as Teams Workflows take it (field/alerting.md 2.4). */
export function teamsBody(message: Message): PostBody {
  const { shown, hidden } = shownAlerts(message, limits.alerts);
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      {
        ...text(titleOf(message)),
        ...{ weight: 'Bolder', size: 'Medium', style: 'heading', color: colourOf(message) },
      },
      ...shown.flatMap(alertBlocks),
      ...(hidden > 0 ? [text(`… and ${hidden} more`)] : []),
    ],
    actions: message.acknowledgeUrl
      ? [{ type: 'Action.OpenUrl', title: 'Acknowledge', url: message.acknowledgeUrl }]
      : [],
    msteams: { width: 'full' },
  };
  const attachment = {
    contentType: 'application/vnd.microsoft.card.adaptive',
    contentUrl: null,
    content,
  };
  return {
    body: JSON.stringify({ type: 'message', attachments: [attachment] }),
    headers: { 'idempotency-key': message.id },
  };
}

function colourOf(message: Message): string {
  if (statusOf(message) === 'resolved') return 'Good';
  return message.alerts.some(({ severity }) => severity === 'critical') ? 'Attention' : 'Warning';
}

function alertBlocks(alert: MessageAlert) {
  const facts = labelsOf(alert).map(([title, value]) => ({ title, value: cut(value) }));
  return [
    { ...text(summaryOf(alert)), weight: 'Bolder', separator: true },
    { ...text(`${isFiring(alert) ? '' : '✓ '}${whenOf(alert)}`), isSubtle: true, spacing: 'None' },
    { type: 'FactSet', facts: facts.slice(0, 12) },
  ];
}

const text = (value: string) => ({ type: 'TextBlock', text: cut(value), wrap: true });

const cut = (value: string) =>
  value.length > limits.text ? `${value.slice(0, limits.text - 1)}…` : value;
