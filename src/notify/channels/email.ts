import { createTransport, type SendMailOptions } from 'nodemailer';
import { messageOf } from '../../platform/index.ts';
import type { SendOutcome } from '../channel.ts';
import { titleOf, type Message } from '../message.ts';
import { htmlOf } from '../render-html.ts';
import { textOf } from '../render-text.ts';

export interface EmailConfig {
  /** `smtp://user:password@host:587`, `smtps://…`. */
  url: string;
  from: string;
  timeoutMs: number;
}

export interface EmailSender {
  send(to: string, message: Message): Promise<SendOutcome>;
  close(): void;
}

export function createEmailSender({ url, from, timeoutMs }: EmailConfig): EmailSender {
  const transport = createTransport({
    ...{ url, pool: true, maxConnections: 4 },
    ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send(to, message) {
      try {
        const { response } = await transport.sendMail(mailOf(message, { from, to }));
        return { kind: 'sent', answer: response.slice(0, 500) };
      } catch (error) {
        return failureOf(error);
      }
    },
    close: () => transport.close(),
  };
}

/** The same message again has the same Message-ID; all mails of one alert hang on one thread. */
function mailOf(message: Message, { from, to }: { from: string; to: string }): SendMailOptions {
  const domain = from.slice(from.lastIndexOf('@') + 1).replace(/[^\w.-].*$/, '') || 'localhost';
  const [first] = message.alerts;
  const thread = `<incident-${first?.incidentId ?? message.id}@${domain}>`;
  return {
    ...{ from, to, subject: titleOf(message), text: textOf(message), html: htmlOf(message) },
    messageId: `<${message.id}@${domain}>`,
    ...{ references: thread, inReplyTo: thread },
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'X-Gaugeway-Tenant': message.tenantId,
    },
  };
}

/** 5xx is the server's last word (RFC 5321, 4.2.1); everything else may pass. */
function failureOf(error: unknown): SendOutcome {
  const { responseCode, response } = error as { responseCode?: number; response?: string };
  const answer = (response ?? messageOf(error)).slice(0, 500);
  const status = responseCode === undefined ? {} : { status: responseCode };
  const isFinal = responseCode !== undefined && responseCode >= 500;
  return { kind: isFinal ? 'dead' : 'retry', ...status, answer };
}
