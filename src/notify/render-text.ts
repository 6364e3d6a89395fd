import {
  isFiring,
  labelsOf,
  shownAlerts,
  summaryOf,
  titleOf,
  valueOf,
  whenOf,
  type Message,
  type MessageAlert,
} from './message.ts';

const mostAlerts = 50;

/** The message as plain text, for mail programs that show no other. */
export function textOf(message: Message): string {
  const { shown, hidden } = shownAlerts(message, mostAlerts);
  return [
    titleOf(message),
    ...shown.map(alertText),
    ...(hidden > 0 ? [`… and ${hidden} more.`] : []),
    ...(message.acknowledgeUrl === undefined
      ? []
      : [`Take it over (acknowledge):\n${message.acknowledgeUrl}`]),
    `-- \nGaugeway${message.publicUrl === '' ? '' : `, ${message.publicUrl}`}`,
  ].join('\n\n');
}

function alertText(alert: MessageAlert): string {
  const { annotations, value } = alert;
  const description = annotations['summary'] ? annotations['description'] : undefined;
  const lines = [
    `${isFiring(alert) ? '*' : 'ok'} ${summaryOf(alert)}`,
    ...(description === undefined ? [] : [description]),
    whenOf(alert),
    ...(isFiring(alert) ? [`value ${valueOf(value)}`] : []),
    labelsOf(alert)
      .map(([name, text]) => `${name}=${text}`)
      .join(', '),
    ...(annotations['runbook_url'] ? [`runbook: ${annotations['runbook_url']}`] : []),
  ];
  return lines.filter((line) => line !== '').join('\n  ');
}
