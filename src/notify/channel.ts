import { GaugewayError } from '../platform/index.ts';

export const channelKinds = ['email', 'webhook', 'slack', 'teams', 'alertmanager'] as const;
export type ChannelKind = (typeof channelKinds)[number];

export interface ChannelSettings {
  /** Signs each webhook, as Standard Webhooks has it. */
  secret?: string;
  /** Sent as `Authorization: Bearer`. */
  bearerToken?: string;
}

/** Where messages go. */
export interface Channel {
  tenantId: string;
  /** As rules and the outbox have it: a name, or `KIND:TARGET`. */
  name: string;
  kind: ChannelKind;
  /** An e-mail address, or a URL of http or https; of `alertmanager` without `/api/v2/alerts`. */
  target: string;
  settings: ChannelSettings;
}

const address = /^[^\s@<>(),;:"\\[\]]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const literal = /^(email|webhook|slack|teams|alertmanager):(.+)$/;
const teamsHosts =
  /(?:^|\.)(?:webhook\.office\.com|logic\.azure\.com|api\.powerplatform\.com|powerautomate\.com)$/;

/** Slack and Teams get their own format wherever their URL is given as a webhook. */
function kindOfUrl(url: URL): ChannelKind {
  if (url.hostname === 'hooks.slack.com') return 'slack';
  return teamsHosts.test(url.hostname) ? 'teams' : 'webhook';
}

/** `email:a@example.com`, `webhook:https://…`; undefined for a name, or where the target is none. */
export function literalChannel(tenantId: string, name: string): Channel | undefined {
  const [, word = '', target = ''] = literal.exec(name) ?? [];
  if (word === '' || faultOfTarget(word as ChannelKind, target) !== undefined) return undefined;
  const kind = word === 'webhook' ? kindOfUrl(new URL(target)) : (word as ChannelKind);
  return { tenantId, name, kind, target, settings: {} };
}

/** Why this is no target of the kind; undefined where it is one. */
function faultOfTarget(kind: ChannelKind, target: string): string | undefined {
  if (kind === 'email') return address.test(target) ? undefined : 'expected an e-mail address';
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return undefined;
  return 'expected a URL of http or https';
}

/** The kind that is meant: a webhook to Slack or Teams is one of those. Throws BAD_REQUEST where it is no target. */
export function kindFor(kind: ChannelKind, target: string): ChannelKind {
  const fault = faultOfTarget(kind, target);
  if (fault === undefined) return kind === 'webhook' ? kindOfUrl(new URL(target)) : kind;
  throw new GaugewayError('BAD_REQUEST', `target: ${fault}`, { details: { field: 'target' } });
}

/** What may be shown to everybody: paths of webhooks are secrets. */
export function maskTarget(kind: ChannelKind, target: string): string {
  if (kind === 'email') return target.replace(/^(.).*@/, '$1***@');
  return URL.canParse(target) ? `${new URL(target).origin}/***` : '***';
}

/** The same for a channel as rules name it. */
export function maskChannel(name: string): string {
  const [, word, target = ''] = literal.exec(name) ?? [];
  return word === undefined ? name : `${word}:${maskTarget(word as ChannelKind, target)}`;
}
