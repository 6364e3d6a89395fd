import { z } from 'zod';
import type { Accounts, Users } from '../../access/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { actorOf, bodyOf, found, ipOf, isoTime, paramOf, principalOf } from '../parse.ts';
import { absoluteUrl } from '../public-url.ts';
import type { Route } from '../route.ts';
import { statusAnswer, timeAnswer } from '../schemas/common.ts';

export interface PasswordResetDeps {
  users: Users;
  accounts: Accounts;
  publicUrl: string | undefined;
  /** Sends the token to its owner; false where it could not be sent or there is no mail server. */
  mail: (message: ResetMail) => Promise<boolean>;
}

/** What a person who gets a new password is told. */
export interface ResetMail {
  to: string;
  token: string;
  /** Where the token is spent. */
  url: string;
  expiresAtMs: number;
}

const spendPath = '/api/v1/auth/reset';
const nothing = z.strictObject({});
const issuedAnswer = z.strictObject({
  reset_token: z.string().describe('Shown this once.'),
  expires_at: timeAnswer,
  mailed: z.boolean().describe('Whether the mail server took a mail to the user with it.'),
});
const spendBody = z.strictObject({
  token: z.string().min(1).max(256),
  password: z.string().min(1).max(1_024),
});

/** A forgotten password: an administrator makes a token, its owner spends it for a new password. */
export function passwordResetRoutes(deps: PasswordResetDeps): Route[] {
  const { users, accounts, publicUrl } = deps;
  return [
    {
      ...{ method: 'POST', path: '/api/v1/users/:id/reset-password', needs: 'admin' },
      errors: 'envelope',
      summary: 'Make a token with which the user sets a new password within an hour',
      spec: { tag: 'Access', body: nothing, answers: { 201: issuedAnswer } },
      async handle(call) {
        bodyOf(call.req, nothing);
        const user = await found(
          'user',
          users.get(principalOf(call).tenantId, paramOf(call.req, 'id')),
        );
        const { token, expiresAtMs } = await accounts.issueReset(user, actorOf(call));
        const url = absoluteUrl(spendPath, call, publicUrl);
        const mailed = await deps.mail({ to: user.email, token, url, expiresAtMs });
        const answer = { reset_token: token, expires_at: isoTime(expiresAtMs), mailed };
        call.res.status(201).set('Cache-Control', 'no-store').json(answer);
      },
    },
    {
      ...{ method: 'POST', path: spendPath, needs: 'public', errors: 'envelope' },
      summary: 'Set a new password with such a token; all sessions of the user end',
      spec: {
        ...{ tag: 'Access', body: spendBody, answers: { 200: statusAnswer('ok') } },
        refuses: [401],
      },
      async handle(call) {
        const { token, password } = bodyOf(call.req, spendBody);
        const client = { ip: ipOf(call.req), requestId: call.requestId };
        const outcome = await accounts.spendReset(token, password, client);
        if (outcome === 'unknown') {
          throw new GaugewayError('UNAUTHORIZED', 'Invalid or expired token');
        }
        call.res.json({ status: 'ok' });
      },
    },
  ];
}
