import { firingOf, type Message, type MessageAlert } from '../message.ts';
import {
  colourOf,
  colourOfAlert,
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

/** More would not be read, and mail programs cut long mails. */
const maxListed = 50;
const maxText = 2_000;

export function textOf(message: Message): string {
  const listed = message.alerts.slice(0, maxListed);
  const more = message.alerts.length - listed.length;
  return [
    titleOf(message),
    ...listed.map(plain),
    ...(more > 0 ? [`… and ${more} more`] : []),
    ...(message.acknowledgeUrl === undefined || firingOf(message).length === 0
      ? []
      : [`Take it over: ${message.acknowledgeUrl}`]),
    ...(message.publicUrl === '' ? [] : [`Sent by Gaugeway at ${message.publicUrl}`]),
  ].join('\n\n');
}

function plain(alert: MessageAlert): string {
  const rows = [
    [stateWord(alert), subjectOf(alert)].filter((part) => part !== '').join(' '),
    ...textsOf(alert),
    `Value: ${valueText(alert)}`,
    `When: ${timesOf(alert)}`,
    ...labelsOf(alert).map(([name, value]) => `${name}: ${value}`),
    ...linksOf(alert).map(({ text, url }) => `${text}: ${url}`),
  ];
  return rows.map((row, index) => (index === 0 ? row : `  ${cut(row, maxText)}`)).join('\n');
}

/** Tables and inline styles, which are what mail programs agree on. */
export function htmlOf(message: Message): string {
  const colour = colourOf(message);
  const listed = message.alerts.slice(0, maxListed);
  const more = message.alerts.length - listed.length;
  const acknowledge =
    message.acknowledgeUrl === undefined || firingOf(message).length === 0
      ? ''
      : `<p style="margin:0 0 20px">${button(message.alerts.length === 1 ? 'Acknowledge' : 'Acknowledge all', message.acknowledgeUrl, colour)}</p>`;
  const sender =
    message.publicUrl === ''
      ? ''
      : `<p style="color:#5c636a;font-size:12px;margin:20px 0 0">Sent by Gaugeway at ${link(message.publicUrl, message.publicUrl)}</p>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light"><title>${escape(titleOf(message))}</title></head>
<body style="margin:0;padding:24px 12px;background:#f1f3f5;font-family:Helvetica,Arial,sans-serif;color:#212529">
<table role="presentation" align="center" width="100%" cellpadding="0" cellspacing="0" style="max-width:640px;margin:0 auto;background:#fff;border-radius:6px;border-top:6px solid ${colour}">
<tr><td style="padding:24px">
<h1 style="font-size:20px;line-height:1.3;margin:0 0 20px;overflow-wrap:anywhere">${escape(cut(titleOf(message), 300))}</h1>
${acknowledge}${listed.map(card).join('\n')}
${more > 0 ? `<p style="margin:16px 0 0">… and ${more} more</p>` : ''}${sender}
</td></tr></table></body></html>
`;
}

function card(alert: MessageAlert): string {
  const colour = colourOfAlert(alert);
  const rows: [string, string][] = [
    ['Value', valueText(alert)],
    ['When', timesOf(alert)],
    ...labelsOf(alert),
  ];
  const links = linksOf(alert).map(({ text, url }) => link(text, url));
  return `<div style="border:1px solid #dee2e6;border-left:4px solid ${colour};border-radius:4px;padding:12px 16px;margin:0 0 12px">
<p style="margin:0 0 8px;font-weight:bold"><span style="color:${colour}">${escape(stateWord(alert))}</span> ${escape(subjectOf(alert))}</p>
${textsOf(alert)
  .map((text) => `<p style="margin:0 0 8px;overflow-wrap:anywhere">${escape(text)}</p>`)
  .join('\n')}
<table cellpadding="0" cellspacing="0" style="font-size:13px">${rows.map(row).join('')}</table>
${links.length > 0 ? `<p style="margin:8px 0 0;font-size:13px">${links.join(' · ')}</p>` : ''}</div>`;
}

const row = ([name, value]: [string, string]): string =>
  `<tr><td style="padding:2px 16px 2px 0;color:#5c636a;vertical-align:top">${escape(name)}</td><td style="padding:2px 0;overflow-wrap:anywhere">${escape(cut(value, maxText))}</td></tr>`;

/** The summary, and the description where it says something else. */
function textsOf(alert: MessageAlert): string[] {
  const texts = [summaryOf(alert), alert.annotations['description'] ?? ''];
  return [...new Set(texts)].filter((text) => text !== '').map((text) => cut(text, maxText));
}

const button = (text: string, url: string, colour: string): string =>
  `<a href="${escape(url)}" style="display:inline-block;background:${colour};color:#fff;padding:10px 20px;border-radius:4px;text-decoration:none;font-weight:bold">${escape(text)}</a>`;

const link = (text: string, url: string): string =>
  `<a href="${escape(url)}" style="color:#1971c2">${escape(text)}</a>`;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
