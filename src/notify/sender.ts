import { alertmanagerBody, alertmanagerUrl } from './channels/alertmanager.ts';
import { mailOf } from './channels/email.ts';
import { slackBody, slackOutcome } from './channels/slack.ts';
import { teamsBody } from './channels/teams.ts';
import { signatureHeaders, webhookBody } from './channels/webhook.ts';
import type { Channel } from './channel.ts';
import type { Post } from './http-post.ts';
import { createMailTransport, type SmtpTerms } from './mail-transport.ts';
import type { Message } from './message.ts';
import type { SendOutcome } from './outcome.ts';

export type Send = (message: Message) => Promise<SendOutcome>;

interface SenderDeps {
  post: Post;
  /** Absent where no mail server is configured. */
  smtp: SmtpTerms | undefined;
}

/** One attempt over whatever the channel is; never rejects. */
export function createSender({ post, smtp }: SenderDeps): { send: Send; close: () => void } {
  const transport = createMailTransport(smtp);
  return {
    async send(message) {
      const { kind, target } = message.channel;
      if (kind === 'email') return transport.send((from) => mailOf(message, from));
      const outcome = await post(postingOf(message));
      return kind === 'slack' ? slackOutcome(outcome, target) : outcome;
    },
    close: () => transport.close(),
  };
}

function postingOf(message: Message) {
  const { channel, id, atMs } = message;
  const target = targetOf(channel);
  const body = bodyOf(message);
  const signed =
    channel.kind === 'webhook' ? signatureHeaders({ id, atMs }, body, channel.settings.secret) : {};
  return {
    ...{ target, body, secrets: Object.values(channel.settings) as (string | undefined)[] },
    headers: { 'idempotency-key': id, ...signed, ...bearer(channel) },
  };
}

export const targetOf = ({ kind, target }: Channel): string =>
  kind === 'alertmanager' ? alertmanagerUrl(target) : target;

export function bearer({ settings }: Channel): Record<string, string> {
  const { bearerToken } = settings;
  return bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` };
}

function bodyOf(message: Message): string {
  switch (message.channel.kind) {
    case 'slack':
      return slackBody(message);
    case 'teams':
      return teamsBody(message);
    case 'alertmanager':
      return alertmanagerBody(message.alerts, message.atMs);
    default:
      return webhookBody(message);
  }
}
