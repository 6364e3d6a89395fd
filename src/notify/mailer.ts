import { createReadStream } from 'node:fs';
import { createMailTransport, type SmtpTerms } from './mail-transport.ts';

/** A mail with files, for other rooms than alerts. */
export interface FileMail {
  to: string;
  subject: string;
  text: string;
  /** The same in every attempt. */
  id: string;
  attachments: readonly { fileName: string; media: string; path: string }[];
}

export interface Mailer {
  /** One attempt; never rejects. `again`: another one may do better. */
  send(mail: FileMail): Promise<{ kind: 'sent' | 'again' | 'refused'; answer: string }>;
  close(): void;
}

const kinds = { sent: 'sent', retry: 'again', dead: 'refused' } as const;

/** Over the same mail server as alerts. */
export function createMailer(smtp: SmtpTerms | undefined): Mailer {
  const transport = createMailTransport(smtp);
  return {
    async send({ to, subject, text, id, attachments }) {
      const outcome = await transport.send((from) => ({
        // A name may hold anything; a header is one line.
        ...{ from, to: { name: '', address: to }, subject: subject.replaceAll(/\p{Cc}+/gu, ' ') },
        ...{ text, messageId: `<${id.replaceAll(/[^\w.-]+/g, '.')}@gaugeway>` },
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
        attachments: attachments.map(({ fileName, media, path }) => ({
          ...{ filename: fileName, contentType: media, content: createReadStream(path) },
        })),
      }));
      return { kind: kinds[outcome.kind], answer: outcome.answer };
    },
    close: () => transport.close(),
  };
}
