import { createHash } from 'node:crypto';
import type { Message } from '../message.ts';
import { cut, titleOf } from '../words.ts';
import { htmlOf, textOf } from './email-body.ts';

/** What nodemailer takes. */
export interface Mail {
  from: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  messageId: string;
  references: string;
  inReplyTo: string;
  headers: Record<string, string>;
}

/**
 * The same message has the same Message-ID in every attempt, so that mail servers can drop a repeat. All mails of one
 * incident, or of one rule's storms, refer to one root that is never sent: mail programs show them as one thread.
 */
export function mailOf(message: Message, from: string): Mail {
  const domain = domainOf(from);
  const [first] = message.alerts;
  const isOne = message.alerts.length === 1 && first !== undefined;
  const thread = isOne ? `incident-${first.incidentId}` : `rule-${digest(message)}`;
  const root = `<${thread}@${domain}>`;
  return {
    ...{ from, to: message.channel.target, subject: oneLine(cut(titleOf(message), 200)) },
    ...{ text: textOf(message), html: htmlOf(message) },
    ...{ messageId: `<${message.id}@${domain}>`, references: root, inReplyTo: root },
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'Idempotency-Key': message.id,
    },
  };
}

const domainOf = (from: string): string => /@([A-Za-z0-9.-]+)/.exec(from)?.[1] ?? 'localhost';

const digest = ({ groupKey, ruleName }: Message): string =>
  createHash('sha256')
    .update(JSON.stringify([groupKey, ruleName]))
    .digest('hex')
    .slice(0, 16);

/** A rule's name may hold anything. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');
