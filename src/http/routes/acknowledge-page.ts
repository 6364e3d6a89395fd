import type { LinkedAlert } from '../../notify/index.ts';

const maxListed = 20;

/** What the link names, and a form where some of it fires and nobody took it over. */
export function alertsPage(alerts: readonly LinkedAlert[], complaint = ''): string {
  const open = alerts.filter(
    ({ endsAtMs, acknowledgedBy }) => endsAtMs === null && !acknowledgedBy,
  );
  const [first] = alerts;
  const heading = alerts.length === 1 && first ? first.ruleName : `${alerts.length} alerts`;
  const more = alerts.length - maxListed;
  return page(
    heading,
    `<h1>${escape(heading)}</h1>
${alerts.slice(0, maxListed).map(card).join('\n')}
${more > 0 ? `<p>… and ${more} more</p>` : ''}
${open.length > 0 ? form(open.length, complaint) : ''}`,
  );
}

export function messagePage(heading: string, text: string): string {
  return page(heading, `<h1>${escape(heading)}</h1><p>${escape(text)}</p>`);
}

function card(alert: LinkedAlert): string {
  const labels = Object.entries(alert.labels)
    .filter(([name]) => name !== 'alertname')
    .map(([name, value]) => `${name}=${value}`);
  const summary = alert.annotations['summary'] ?? alert.annotations['description'] ?? '';
  return `<section><p>${stateOf(alert)}</p>
${summary === '' ? '' : `<p>${escape(summary)}</p>`}
<p class="quiet">${escape(alert.ruleName)} · value ${escape(String(alert.value))} · since ${timeOf(alert.startsAtMs)}<br>${escape(labels.join(' '))}</p></section>`;
}

function stateOf({ endsAtMs, acknowledgedBy }: LinkedAlert): string {
  if (endsAtMs !== null) return `<b class="good">Resolved</b> at ${timeOf(endsAtMs)}`;
  if (acknowledgedBy) return `<b class="held">Acknowledged</b> by ${escape(acknowledgedBy)}`;
  return '<b class="bad">Firing</b>';
}

function form(count: number, complaint: string): string {
  const text = count === 1 ? 'Acknowledge' : `Acknowledge all ${count}`;
  return `<form method="post">
${complaint === '' ? '' : `<p class="bad" role="alert">${escape(complaint)}</p>`}
<label>Your name <input name="name" required maxlength="80" autocomplete="name"></label>
<label>Comment <input name="comment" maxlength="500"></label>
<button>${text}</button>
<p class="quiet">Nobody is told again that it fires; that it is over is still told.</p>
</form>`;
}

const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>${escape(title)}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;color:#212529;background:#f1f3f5;margin:0;padding:24px 12px}
main{max-width:560px;margin:auto;background:#fff;padding:24px;border-radius:6px}
h1{font-size:22px;margin:0 0 16px}h1,p{overflow-wrap:anywhere}
section{border:1px solid #dee2e6;border-radius:4px;padding:4px 16px;margin:0 0 12px}
label{display:block;margin:12px 0}input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:8px}
button{font:inherit;font-weight:bold;padding:10px 20px;border:0;border-radius:4px;background:#1864ab;color:#fff}
.quiet{color:#5c636a;font-size:14px}.bad{color:#c92a2a}.good{color:#2b8a3e}.held{color:#1864ab}
</style></head><body><main>
${body}
</main></body></html>
`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
