import { systemClock } from '../platform/index.ts';
import type { Send, SendOutcome } from './channel.ts';
import { alertmanagerBody, alertmanagerUrl } from './channels/alertmanager.ts';
import type { EmailSender } from './channels/email.ts';
import { slackBody } from './channels/slack.ts';
import { teamsBody } from './channels/teams.ts';
import { webhookBody } from './channels/webhook.ts';
import type { Message } from './message.ts';
import { post, type PostBody } from './post.ts';
import { guardTarget } from './target-guard.ts';
import type { Target } from './target.ts';

export interface SenderDeps {
  /** Absent where no mail server is configured. */
  email: EmailSender | undefined;
  /** Whether private addresses may be reached. */
  allowPrivate: boolean;
}

const noMailServer: SendOutcome = {
  kind: 'dead',
  answer: 'no mail server is configured (smtp.url)',
};

/** Sends a message in the form that its channel reads. */
export function createSender({ email, allowPrivate }: SenderDeps): Send {
  return async (target, message) => {
    if (target.kind === 'email') {
      return email ? email.send(target.address, message) : noMailServer;
    }
    const guarded = await guardTarget(urlOf(target), { allowPrivate });
    if (guarded.ok) return post(guarded.target, bodyOf(target, message));
    if (guarded.reason === 'unknown-host') {
      return { kind: 'retry', answer: 'the name of the host is not known' };
    }
    return { kind: 'dead', answer: refusals[guarded.reason] };
  };
}

const refusals = {
  'bad-url': 'not an http or https URL',
  private: 'the address is private; allow_private_webhooks lets messages go there',
} as const;

const urlOf = ({ kind, address }: Target): string =>
  kind === 'alertmanager' ? alertmanagerUrl(address) : address;

function bodyOf(target: Target, message: Message): PostBody {
  switch (target.kind) {
    case 'slack':
      return slackBody(message);
    case 'teams':
      return teamsBody(message);
    case 'alertmanager':
      return alertmanagerBody(message, systemClock.nowMs());
    default:
      return webhookBody(message, target);
  }
}
