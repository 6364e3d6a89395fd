import { createTransport, type Transporter } from 'nodemailer';
import { messageOf } from '../platform/index.ts';
import { alertmanagerBody, alertmanagerUrl } from './channels/alertmanager.ts';
import { mailOf } from './channels/email.ts';
import { slackBody, slackOutcome } from './channels/slack.ts';
import { teamsBody } from './channels/teams.ts';
import { signatureHeaders, webhookBody } from './channels/webhook.ts';
import type { Channel } from './channel.ts';
import type { Post } from './http-post.ts';
import type { Message } from './message.ts';
import type { SendOutcome } from './outcome.ts';

export type Send = (message: Message) => Promise<SendOutcome>;

export interface SmtpTerms {
  /** `smtp://user:password@host:587`, `smtps://…`. */
  url: string;
  from: string;
  timeoutMs: number;
}

interface SenderDeps {
  post: Post;
  /** Absent where no mail server is configured. */
  smtp: SmtpTerms | undefined;
}

/** One attempt over whatever the channel is; never rejects. */
export function createSender({ post, smtp }: SenderDeps): { send: Send; close: () => void } {
  const transport = smtp && mailTransport(smtp);
  return {
    async send(message) {
      const { kind, target } = message.channel;
      if (kind === 'email') return sendMail(message, smtp, transport);
      const outcome = await post(postingOf(message));
      return kind === 'slack' ? slackOutcome(outcome, target) : outcome;
    },
    close: () => transport?.close(),
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

function mailTransport({ url, timeoutMs }: SmtpTerms): Transporter {
  const { hostname, protocol, password } = new URL(url);
  const isLocal = /^(?:localhost|127\.|\[::1\])/.test(hostname);
  return createTransport({
    ...{ url, connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
    // A password must not cross a network in the clear because somebody took STARTTLS off the answer.
    requireTLS: protocol === 'smtp:' && password !== '' && !isLocal,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

interface SmtpError {
  responseCode?: number;
  response?: string;
}

async function sendMail(
  message: Message,
  smtp: SmtpTerms | undefined,
  transport: Transporter | undefined,
): Promise<SendOutcome> {
  if (!smtp || !transport) {
    return { kind: 'dead', answer: 'no mail server is configured (smtp.url)' };
  }
  try {
    const { response } = (await transport.sendMail(mailOf(message, smtp.from))) as {
      response: string;
    };
    return { kind: 'sent', status: Number.parseInt(response, 10), answer: cutAnswer(response) };
  } catch (error) {
    const { responseCode, response } = error as SmtpError;
    const answer = cutAnswer(withoutPassword(response ?? messageOf(error), smtp.url));
    const isFinal = responseCode !== undefined && responseCode >= 500;
    return { kind: isFinal ? 'dead' : 'retry', status: responseCode, answer };
  }
}

const cutAnswer = (text: string): string => text.replaceAll('\0', '').slice(0, 500);

function withoutPassword(text: string, url: string): string {
  const password = decodeURIComponent(new URL(url).password);
  return password === '' ? text : text.replaceAll(password, '[redacted]');
}
