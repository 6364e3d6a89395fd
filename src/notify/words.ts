import { firingOf, type Message, type MessageAlert } from './message.ts';

/** `[FIRING] CPU High: web-1`, `[FIRING 12, RESOLVED 3] CPU High: 15 alerts`. */
export function titleOf(message: Message): string {
  const { alerts, ruleName } = message;
  const [first] = alerts;
  if (first && alerts.length === 1) return `[${stateWord(first)}] ${ruleName}${about(first)}`;
  const firing = firingOf(message).length;
  const resolved = alerts.length - firing;
  const states = [
    ...(firing > 0 ? [`FIRING ${firing}`] : []),
    ...(resolved > 0 ? [`RESOLVED ${resolved}`] : []),
  ];
  return `[${states.join(', ')}] ${ruleName}: ${alerts.length} alerts`;
}

const stateWords = {
  firing: 'FIRING',
  refired: 'FIRING AGAIN',
  repeat: 'STILL FIRING',
  resolved: 'RESOLVED',
} as const;

export const stateWord = ({ kind }: MessageAlert): string => stateWords[kind];

function about(alert: MessageAlert): string {
  const subject = subjectOf(alert);
  return subject === '' ? '' : `: ${subject}`;
}

/** The machine that an alert is about, as far as its labels tell. */
export function subjectOf({ hostId, labels }: MessageAlert): string {
  return hostId ?? labels['instance'] ?? labels['job'] ?? '';
}

export function summaryOf({ annotations }: MessageAlert): string {
  return annotations['summary'] ?? annotations['description'] ?? annotations['message'] ?? '';
}

/** What people read first of one alert: its state in words, with times. */
export function timesOf(alert: MessageAlert): string {
  const since = utc(alert.startsAtMs);
  if (!alert.isResolved) return `since ${since}${flapped(alert)}`;
  const endMs = alert.endsAtMs ?? alert.startsAtMs;
  return `from ${since} to ${utc(endMs)} (${lasting(endMs - alert.startsAtMs)})${flapped(alert)}`;
}

const flapped = ({ flaps }: MessageAlert): string =>
  flaps === 0 ? '' : `, came back ${flaps === 1 ? 'once' : `${flaps} times`}`;

export function utc(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19) + ' UTC';
}

/** `45s`, `12m 30s`, `3h 5m`, `2d 4h`: the two greatest units. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0s';
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count}${unit}`).join(' ');
}

/** Six digits are enough for people; the exact number is in the API. */
export const valueText = ({ value }: MessageAlert): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(6))) : String(value);

/** Labels that say something beyond the title. */
export function labelsOf({ labels }: MessageAlert): [string, string][] {
  return Object.entries(labels)
    .filter(([name]) => name !== 'alertname')
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

export interface Link {
  text: string;
  url: string;
}

const isWeb = (text: string | undefined): text is string =>
  text !== undefined && /^https?:\/\/\S+$/.test(text) && URL.canParse(text);

/** Where people go from one alert: what its rule names, and where it comes from. */
export function linksOf({ annotations, generatorUrl }: MessageAlert): Link[] {
  const links: [string, string | undefined][] = [
    ['Runbook', annotations['runbook_url'] ?? annotations['runbook']],
    ['Dashboard', annotations['dashboard_url'] ?? annotations['dashboard']],
    ['Source', generatorUrl],
  ];
  return links.flatMap(([text, url]) => (isWeb(url) ? [{ text, url }] : []));
}

const colours = { grave: '#c92a2a', warning: '#b35900', resolved: '#2b8a3e' } as const;

export function colourOfAlert({ isResolved, severity }: MessageAlert): string {
  if (isResolved) return colours.resolved;
  return severity === 'warning' || severity === 'info' ? colours.warning : colours.grave;
}

/** Of the gravest that fires. */
export const colourOf = ({ alerts }: Message): string =>
  alerts[0] ? colourOfAlert(alerts[0]) : colours.resolved;

/** Cut to a number of characters, without half a surrogate pair at the end. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '') + '…';
}
