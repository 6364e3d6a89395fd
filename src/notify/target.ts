export type ChannelKind = 'email' | 'webhook' | 'slack' | 'teams' | 'alertmanager';

/** Where messages of one channel go. */
export interface Target {
  kind: ChannelKind;
  /** Mail addresses with commas between them, or a URL. */
  address: string;
  /** Signs webhooks, where the channel has one. */
  secret?: string;
}

const slackHosts = /(?:^|\.)hooks\.slack(?:-gov)?\.com$/;
const teamsHosts =
  /(?:\.webhook\.office\.com|\.logic\.azure\.(?:com|us)|\.api\.powerplatform\.com|\.azure-apihub\.(?:net|us))$/;

/** `email:ADDRESS`, `webhook:URL` (Slack's and Teams' URLs get their own format), `slack:`, `teams:`, `alertmanager:URL`. */
export function parseTarget(channel: string): Target | undefined {
  const at = channel.indexOf(':');
  const kind = channel.slice(0, at);
  const address = channel.slice(at + 1);
  if (at < 1 || address === '') return undefined;
  if (kind === 'email') return { kind, address };
  const url = parseUrl(address);
  if (!isHttpKind(kind) || !/^https?:$/.test(url?.protocol ?? '')) return undefined;
  return { kind: kind === 'webhook' ? kindOfHost(url?.hostname ?? '') : kind, address };
}

const httpKinds = ['webhook', 'slack', 'teams', 'alertmanager'] as const;

const isHttpKind = (kind: string): kind is (typeof httpKinds)[number] =>
  (httpKinds as readonly string[]).includes(kind);

function kindOfHost(host: string): ChannelKind {
  if (slackHosts.test(host)) return 'slack';
  return teamsHosts.test(host) ? 'teams' : 'webhook';
}

/** For people and logs: a URL's path and query are as good as a password. */
export function maskTarget(channel: string): string {
  const at = channel.indexOf(':');
  const url = parseUrl(channel.slice(at + 1));
  return url?.host ? `${channel.slice(0, at)}:${url.protocol}//${url.host}/…` : channel;
}

export const parseUrl = (text: string): URL | undefined =>
  URL.canParse(text) ? new URL(text) : undefined;
