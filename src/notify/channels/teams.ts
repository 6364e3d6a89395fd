import { firingOf, isAllResolved, type Message, type MessageAlert } from '../message.ts';
import {
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

/** Ten of them stay well below the 28 KB that Workflows take. */
const maxListed = 10;
const maxText = 800;

/** A message with one Adaptive Card, which is all that Workflows take; `msteams.width` uses the whole column. */
export function teamsBody(message: Message): string {
  const listed = message.alerts.slice(0, maxListed);
  const more = message.alerts.length - listed.length;
  const actions = actionsOf(message);
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      {
        ...text(titleOf(message)),
        ...{ weight: 'Bolder', size: 'Medium', style: 'heading' },
        color: isAllResolved(message) ? 'Good' : 'Attention',
      },
      ...listed.flatMap((alert) => blocksOf(alert)),
      ...(more > 0 ? [text(`… and ${more} more`)] : []),
    ],
    ...(actions.length > 0 ? { actions } : {}),
    msteams: { width: 'full' },
  };
  const attachment = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null };
  return JSON.stringify({ type: 'message', attachments: [{ ...attachment, content }] });
}

const text = (value: string) => ({
  type: 'TextBlock',
  text: escape(cut(value, maxText)),
  wrap: true,
});

function blocksOf(alert: MessageAlert) {
  const labels = labelsOf(alert).map(([name, value]) => `${name}=${value}`);
  const facts: [string, string][] = [
    ['State', stateWord(alert)],
    ['Host', subjectOf(alert)],
    ['Value', valueText(alert)],
    ['When', timesOf(alert)],
    ['Labels', cut(labels.join(', '), 300)],
  ];
  const summary = summaryOf(alert);
  return [
    ...(summary === '' ? [] : [text(cut(summary, 400))]),
    {
      type: 'FactSet',
      facts: facts
        .filter(([, value]) => value !== '')
        .map(([title, value]) => ({ title, value: escape(value) })),
    },
  ];
}

function actionsOf(message: Message) {
  const [first] = message.alerts;
  const links = [
    ...(message.acknowledgeUrl !== undefined && firingOf(message).length > 0
      ? [
          {
            text: message.alerts.length === 1 ? 'Acknowledge' : 'Acknowledge all',
            url: message.acknowledgeUrl,
          },
        ]
      : []),
    ...(first ? linksOf(first) : []),
  ];
  return links.map(({ text: title, url }) => ({ type: 'Action.OpenUrl', title, url }));
}

/** Cards render a subset of Markdown: names must not turn into links or emphasis. */
const escape = (value: string): string => value.replace(/[\\*_[\]()`#]/g, '\\$&');
