import type { ResetMail } from '../http/index.ts';
import { createMailer } from '../notify/index.ts';
import type { Foundation } from './compose.ts';

/** Tells people by mail how they set a new password, over the same server as alerts. */
export function passwordMail(foundation: Foundation): (message: ResetMail) => Promise<boolean> {
  const { lifecycle, loaded } = foundation;
  const log = foundation.log.child('access');
  const { notify, smtp } = loaded.config;
  const { smtpUrl } = loaded.secrets;
  if (smtpUrl === undefined) return () => Promise.resolve(false);
  const mailer = createMailer({ url: smtpUrl, from: smtp.from, timeoutMs: notify.timeout });
  lifecycle.onStop('mail of passwords', () => {
    mailer.close();
    return Promise.resolve();
  });
  return async ({ to, token, url, expiresAtMs }) => {
    const { kind, answer } = await mailer.send({
      ...{ to, subject: 'Gaugeway: set a new password', attachments: [] },
      id: `password-${String(expiresAtMs)}-${to}`,
      text: textOf({ token, url, expiresAtMs }),
    });
    if (kind !== 'sent') log.warn('mail with a new password not sent', { outcome: kind, answer });
    return kind === 'sent';
  };
}

function textOf({ token, url, expiresAtMs }: Omit<ResetMail, 'to'>): string {
  return [
    'An administrator of Gaugeway lets you set a new password. Your token, good for one use until',
    `${new Date(expiresAtMs).toISOString()}:`,
    '',
    `  ${token}`,
    '',
    'Give it to your dashboard, or send it yourself:',
    '',
    `  curl ${url} -H 'Content-Type: application/json' \\`,
    `    -d '{"token":"${token}","password":"YOUR NEW PASSWORD"}'`,
    '',
    'All your sessions end with it. If you did not expect this mail, tell your administrator.',
    '',
  ].join('\n');
}
