import {
  isFiring,
  labelsOf,
  shownAlerts,
  statusOf,
  summaryOf,
  titleOf,
  valueOf,
  whenOf,
  type Message,
  type MessageAlert,
} from './message.ts';

const mostAlerts = 50;
const colours = { critical: '#c0271d', other: '#b26a00', resolved: '#1e7d46' };
const font = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/** The message as mail programs show it: tables and styles in place, for they know no style sheets. */
export function htmlOf(message: Message): string {
  const { shown, hidden } = shownAlerts(message, mostAlerts);
  const colour = colourOf(message);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(titleOf(message))}</title></head>
<body style="margin:0;padding:24px;background:#f3f4f6;${font};color:#1f2933">
<table role="presentation" width="100%" style="max-width:640px;margin:0 auto;background:#ffffff;border-collapse:collapse;border:1px solid #d9dee3">
<tr><td style="background:${colour};color:#ffffff;padding:16px 24px;font-size:18px;font-weight:600">${escape(titleOf(message))}</td></tr>
${shown.map(alertRow).join('\n')}
${hidden > 0 ? row(`… and ${hidden} more.`) : ''}
${button(message, colour)}
<tr><td style="padding:12px 24px;border-top:1px solid #d9dee3;color:#6b7785;font-size:12px">${footer(message)}</td></tr>
</table></body></html>
`;
}

function colourOf(message: Message): string {
  if (statusOf(message) === 'resolved') return colours.resolved;
  return message.alerts.some(({ severity }) => severity === 'critical')
    ? colours.critical
    : colours.other;
}

const row = (html: string) =>
  `<tr><td style="padding:16px 24px;border-top:1px solid #d9dee3;font-size:14px;line-height:1.5">${html}</td></tr>`;

function alertRow(alert: MessageAlert): string {
  const { annotations, value } = alert;
  const description = annotations['summary'] ? annotations['description'] : undefined;
  const labels = labelsOf(alert).map(
    ([name, text]) =>
      `<span style="display:inline-block;background:#eef1f4;border-radius:3px;padding:1px 6px;margin:2px 4px 2px 0;font-size:12px">${escape(name)}=${escape(text)}</span>`,
  );
  const facts = [
    escape(whenOf(alert)),
    ...(isFiring(alert) ? [`value <b>${escape(valueOf(value))}</b>`] : []),
  ];
  return row(
    [
      `<div style="font-size:16px;font-weight:600">${isFiring(alert) ? '' : '✓ '}${escape(summaryOf(alert))}</div>`,
      ...(description === undefined ? [] : [`<div>${escape(description)}</div>`]),
      `<div style="color:#52606d">${facts.join(' · ')}</div>`,
      `<div style="margin-top:6px">${labels.join('')}</div>`,
      ...runbook(annotations['runbook_url']),
    ].join(''),
  );
}

/** Only web addresses become links. */
function runbook(url: string | undefined): string[] {
  if (url === undefined || !/^https?:\/\//.test(url)) return [];
  return [`<div style="margin-top:6px"><a href="${escape(url)}">Runbook</a></div>`];
}

function button({ acknowledgeUrl }: Message, colour: string): string {
  if (acknowledgeUrl === undefined) return '';
  return row(
    `<a href="${escape(acknowledgeUrl)}" style="display:inline-block;background:${colour};color:#ffffff;text-decoration:none;padding:10px 18px;border-radius:4px;font-weight:600">Acknowledge</a>`,
  );
}

function footer({ publicUrl }: Message): string {
  const link = publicUrl === '' ? '' : ` · <a href="${escape(publicUrl)}">${escape(publicUrl)}</a>`;
  return `Sent by Gaugeway${link}`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
