import { firingOf, type Message, type MessageAlert } from '../message.ts';
import type { SendOutcome } from '../outcome.ts';
import {
  colourOf,
  cut,
  labelsOf,
  linksOf,
  stateWord,
  subjectOf,
  summaryOf,
  timesOf,
  titleOf,
  valueText,
} from '../words.ts';

/** Ten of them with their texts stay below the 13,200 characters that Slack takes for all blocks. */
const maxListed = 10;
const maxHeader = 150;
const maxSection = 1_000;
const maxUrl = 3_000;

/** Slack itself answers `ok` with a 200; with any other text the message was not taken. */
export function slackOutcome(outcome: SendOutcome, target: string): SendOutcome {
  const isSlack = new URL(target).hostname === 'hooks.slack.com';
  if (!isSlack || outcome.kind !== 'sent' || outcome.answer.trim() === 'ok') return outcome;
  return { ...outcome, kind: 'dead' };
}

/** Block Kit within an attachment, which alone has a colour; buttons are links, as incoming webhooks have no others. */
export function slackBody(message: Message): string {
  const title = titleOf(message);
  const listed = message.alerts.slice(0, maxListed);
  const more = message.alerts.length - listed.length;
  const buttons = buttonsOf(message);
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: cut(title, maxHeader), emoji: false } },
    ...listed.map((alert) => section(textOf(alert, message.alerts.length === 1))),
    ...(more > 0 ? [section(`… and ${more} more`)] : []),
    ...(buttons.length > 0 ? [{ type: 'actions', elements: buttons }] : []),
  ];
  return JSON.stringify({
    text: escape(cut(title, maxSection)),
    attachments: [{ color: colourOf(message), blocks }],
  });
}

const section = (text: string) => ({
  type: 'section',
  text: { type: 'mrkdwn', text: cut(text, maxSection), verbatim: true },
});

function textOf(alert: MessageAlert, isOnly: boolean): string {
  const head = [`*${stateWord(alert)}*`, escape(subjectOf(alert)), `value ${valueText(alert)}`];
  const lines = [
    head.filter((part) => part !== '').join(' · '),
    escape(cut(summaryOf(alert), 400)),
  ];
  if (isOnly && alert.annotations['description'] !== summaryOf(alert)) {
    lines.push(escape(cut(alert.annotations['description'] ?? '', 300)));
  }
  lines.push(timesOf(alert));
  const labels = labelsOf(alert).map(([name, value]) => `${name}=${value}`);
  if (labels.length > 0)
    lines.push(`\`${escape(cut(labels.join(' '), 200)).replaceAll('`', "'")}\``);
  return lines.filter((line) => line !== '').join('\n');
}

function buttonsOf(message: Message) {
  const [first] = message.alerts;
  const links = [
    ...(message.acknowledgeUrl !== undefined && firingOf(message).length > 0
      ? [
          {
            text: message.alerts.length === 1 ? 'Acknowledge' : 'Acknowledge all',
            url: message.acknowledgeUrl,
            style: 'primary',
          },
        ]
      : []),
    ...(first ? linksOf(first) : []),
  ];
  return links
    .filter(({ url }) => url.length <= maxUrl)
    .map(({ text, url, ...style }) => ({
      ...{ type: 'button', text: { type: 'plain_text', text }, url, ...style },
    }));
}

/** What Slack takes for markup, mentions of everybody among it. */
const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
