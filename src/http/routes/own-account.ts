import { z } from 'zod';
import {
  can,
  refreshTokenMs,
  type Accounts,
  type Principal,
  type Session,
  type Sessions,
  type User,
  type Users,
} from '../../access/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import {
  actorOf,
  bodyOf,
  found,
  isoTime,
  pageSchema,
  paramOf,
  principalOf,
  queryOf,
} from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { userAnswer } from '../schemas/access.ts';
import { listAnswer, maybeText, statusAnswer, timeAnswer } from '../schemas/common.ts';
import { userJson } from './users.ts';

export interface OwnAccountDeps {
  users: Users;
  accounts: Accounts;
  sessions: Sessions;
}

const meAnswer = userAnswer.extend({ tenant: z.string() });
const passwordBody = z.strictObject({
  current_password: z.string().min(1).max(1_024),
  new_password: z.string().min(1).max(1_024),
});
const sessionsQuery = pageSchema.extend({
  user_id: z.string().min(1).max(64).optional().describe('Of another user: for an Admin.'),
});
const sessionsAnswer = listAnswer(
  'sessions',
  z.strictObject({
    id: z.string(),
    ip: maybeText.describe('Where the login came from.'),
    created_at: timeAnswer,
    last_refresh_at: timeAnswer,
    expires_at: timeAnswer,
    is_current: z.boolean(),
  }),
);

type PasswordOutcome = Awaited<ReturnType<Accounts['changePassword']>>;

const row = { needs: 'read', errors: 'envelope' } as const;

/** What people see and change of themselves, and an administrator of their sessions. */
export function ownAccountRoutes(deps: OwnAccountDeps): Route[] {
  const { users, accounts, sessions } = deps;
  return [
    {
      ...{ ...row, method: 'GET', path: '/api/v1/users/me', summary: 'Who is asking' },
      spec: { tag: 'Access', answers: { 200: meAnswer }, refuses: [404] },
      async handle(call) {
        const user = await self(call, users);
        call.res.json({ ...userJson(user), tenant: user.tenantId });
      },
    },
    {
      ...{ ...row, method: 'POST', path: '/api/v1/users/me/password' },
      summary: 'Change the own password; the other sessions end',
      spec: {
        ...{ tag: 'Access', body: passwordBody, answers: { 200: statusAnswer('ok') } },
        refuses: [404, 429],
      },
      async handle(call) {
        const body = bodyOf(call.req, passwordBody);
        const words = { current: body.current_password, next: body.new_password };
        refuseUnlessDone(await accounts.changePassword(principalOf(call), words, actorOf(call)));
        call.res.json({ status: 'ok' });
      },
    },
    {
      ...{ ...row, method: 'GET', path: '/api/v1/sessions' },
      summary: 'The sessions of the own account, or of a user for an Admin',
      spec: {
        ...{ tag: 'Access', query: sessionsQuery, answers: { 200: sessionsAnswer } },
        refuses: [404],
      },
      async handle(call) {
        const { user_id: asked, ...page } = queryOf(call.req, sessionsQuery);
        const principal = principalOf(call);
        const { items, total } = await sessions.list(
          principal.tenantId,
          await whose(principal, asked, users),
          page,
        );
        const shown = items.map((session) => sessionJson(session, principal));
        call.res.json({ sessions: shown, total, ...page });
      },
    },
    {
      ...{ ...row, method: 'DELETE', path: '/api/v1/sessions/:id' },
      summary: 'End a session of the own account, or of any user for an Admin',
      spec: { tag: 'Access', answers: { 204: 'empty' } },
      async handle(call) {
        const principal = principalOf(call);
        const session = await sessions.get(principal.tenantId, paramOf(call.req, 'id'));
        // Somebody else's is as one that is not there.
        const isReachable = session && (isOwn(session, principal) || can(principal, 'admin'));
        if (!isReachable) throw new GaugewayError('NOT_FOUND', 'There is no such session');
        await sessions.end(session, actorOf(call));
        call.res.status(204).end();
      },
    },
  ];
}

function refuseUnlessDone(outcome: PasswordOutcome): void {
  switch (outcome.kind) {
    case 'done':
      return;
    case 'wrong':
      throw new GaugewayError('FORBIDDEN', 'The current password is wrong');
    case 'unknown':
      throw new GaugewayError('NOT_FOUND', 'There is no such user');
    case 'throttled':
      throw new GaugewayError('RATE_LIMIT_EXCEEDED', 'Too many attempts', outcome);
  }
}

/** A key has no account. */
function self(call: Call, users: Users): Promise<User> {
  const { kind, tenantId, id } = principalOf(call);
  const looking = kind === 'user' ? users.get(tenantId, id) : Promise.resolve(undefined);
  return found('user', looking);
}

async function whose(
  principal: Principal,
  asked: string | undefined,
  users: Users,
): Promise<string> {
  const own = principal.kind === 'user' ? principal.id : undefined;
  const id = asked ?? own;
  if (id !== undefined && id === own) return id;
  if (id === undefined)
    throw new GaugewayError('BAD_REQUEST', 'a key has no sessions: say user_id');
  if (!can(principal, 'admin')) {
    throw new GaugewayError('FORBIDDEN', 'Sessions of other users are for an Admin');
  }
  return (await found('user', users.get(principal.tenantId, id))).id;
}

const isOwn = ({ userId }: Session, { kind, id }: Principal): boolean =>
  kind === 'user' && userId === id;

function sessionJson({ id, ip, createdAtMs, expiresAtMs }: Session, { sessionId }: Principal) {
  return {
    ...{ id, ip, created_at: isoTime(createdAtMs) },
    last_refresh_at: isoTime(expiresAtMs - refreshTokenMs),
    ...{ expires_at: isoTime(expiresAtMs), is_current: id === sessionId },
  };
}
