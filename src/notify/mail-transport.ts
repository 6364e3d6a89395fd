import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import { messageOf } from '../platform/index.ts';
import type { SendOutcome } from './outcome.ts';

export interface SmtpTerms {
  /** `smtp://user:password@host:587`, `smtps://…`. */
  url: string;
  from: string;
  timeoutMs: number;
}

export interface MailTransport {
  /** One attempt; never rejects. */
  send(mailFrom: (from: string) => SendMailOptions): Promise<SendOutcome>;
  close(): void;
}

/** The one way to the mail server; where none is configured every mail is dead. */
export function createMailTransport(smtp: SmtpTerms | undefined): MailTransport {
  const transporter = smtp && transporterOf(smtp);
  return {
    async send(mailFrom) {
      if (!smtp || !transporter) {
        return { kind: 'dead', answer: 'no mail server is configured (smtp.url)' };
      }
      try {
        const { response } = (await transporter.sendMail(mailFrom(smtp.from))) as {
          response: string;
        };
        return { kind: 'sent', status: Number.parseInt(response, 10), answer: cutAnswer(response) };
      } catch (error) {
        const { responseCode, response } = error as SmtpError;
        const answer = cutAnswer(withoutPassword(response ?? messageOf(error), smtp.url));
        const isFinal = responseCode !== undefined && responseCode >= 500;
        return { kind: isFinal ? 'dead' : 'retry', status: responseCode, answer };
      }
    },
    close: () => transporter?.close(),
  };
}

function transporterOf({ url, timeoutMs }: SmtpTerms): Transporter {
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

const cutAnswer = (text: string): string => text.replaceAll('\0', '').slice(0, 500);

function withoutPassword(text: string, url: string): string {
  const password = decodeURIComponent(new URL(url).password);
  return password === '' ? text : text.replaceAll(password, '[redacted]');
}
