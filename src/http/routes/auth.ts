import { z } from 'zod';
import type { ClientContext, Granted, Sessions } from '../../access/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { suspended } from '../middleware/guard.ts';
import { actorOf, bodyOf, ipOf, isoTime, principalOf } from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { tokensAnswer } from '../schemas/access.ts';
import { statusAnswer } from '../schemas/common.ts';

const loginBody = z.strictObject({
  email: z.string().min(1).max(320),
  password: z.string().min(1).max(1_024),
  /** For browsers: the refresh token comes as a cookie that scripts cannot read, and is not in the body. */
  use_cookie: z.boolean().default(false),
});

const refreshBody = z.strictObject({ refresh_token: z.string().min(1).max(256).optional() });

const cookieName = 'gaugeway_refresh';
/** The cookie goes to these endpoints and to no other. */
const cookiePath = '/api/v1/auth';

/** PRP §8.1, and the refresh that it implies. */
export function authRoutes({ sessions }: { sessions: Sessions }): Route[] {
  return [
    {
      ...{ method: 'POST', path: '/api/v1/auth/login', needs: 'public', errors: 'envelope' },
      summary: 'Log in with e-mail and password',
      // Counted by account and address.
      budget: 'none',
      spec: { tag: 'Access', body: loginBody, answers: { 200: tokensAnswer }, refuses: [401, 429] },
      async handle(call) {
        const { email, password, use_cookie: useCookie } = bodyOf(call.req, loginBody);
        const outcome = await sessions.login(email, password, clientOf(call));
        if (outcome.ok) {
          answer(call, outcome, useCookie);
          return;
        }
        if (outcome.reason === 'throttled') {
          throw new GaugewayError('RATE_LIMIT_EXCEEDED', 'Too many attempts to log in', outcome);
        }
        if (outcome.reason === 'suspended') throw suspended();
        throw new GaugewayError('UNAUTHORIZED', 'Wrong e-mail or password');
      },
    },
    {
      ...{ method: 'POST', path: '/api/v1/auth/refresh', needs: 'public', errors: 'envelope' },
      summary: 'Spend a refresh token for a new pair of tokens',
      spec: { tag: 'Access', body: refreshBody, answers: { 200: tokensAnswer }, refuses: [401] },
      async handle(call) {
        const given = bodyOf(call.req, refreshBody).refresh_token;
        const cookie = given === undefined ? cookieOf(call) : undefined;
        const token = given ?? cookie;
        if (token === undefined) {
          throw new GaugewayError('UNAUTHORIZED', 'A refresh token is required');
        }
        const outcome = await sessions.refresh(token, clientOf(call));
        if (outcome.ok) {
          answer(call, outcome, cookie !== undefined);
          return;
        }
        // One of two tabs: the cookie that the other one got must stay.
        if (cookie !== undefined && outcome.reason !== 'superseded') clearCookie(call);
        throw new GaugewayError('UNAUTHORIZED', 'Invalid or expired token');
      },
    },
    {
      ...{ method: 'POST', path: '/api/v1/auth/logout', needs: 'read', errors: 'envelope' },
      summary: 'End the session',
      spec: { tag: 'Access', answers: { 200: statusAnswer('ok') } },
      async handle(call) {
        await sessions.logout(principalOf(call), actorOf(call));
        clearCookie(call);
        call.res.json({ status: 'ok' });
      },
    },
  ];
}

function clientOf({ req, requestId }: Call): ClientContext {
  return { ip: ipOf(req), requestId };
}

function answer(call: Call, granted: Granted, useCookie: boolean): void {
  const { res, req } = call;
  res.setHeader('Cache-Control', 'no-store');
  if (useCookie) {
    res.cookie(cookieName, granted.refreshToken, {
      ...{ httpOnly: true, sameSite: 'strict', secure: req.secure, path: cookiePath },
      expires: new Date(granted.refreshExpiresAtMs),
    });
  }
  res.json({
    token: `Bearer ${granted.accessToken}`,
    role: granted.user.role,
    expires_at: isoTime(granted.accessExpiresAtMs),
    ...(useCookie ? {} : { refresh_token: granted.refreshToken }),
    refresh_expires_at: isoTime(granted.refreshExpiresAtMs),
  });
}

function clearCookie({ res, req }: Call): void {
  const { secure } = req;
  res.clearCookie(cookieName, { httpOnly: true, sameSite: 'strict', secure, path: cookiePath });
}

/** SameSite keeps other sites out where the browser knows it; the Origin header where it does not. */
function cookieOf({ req }: Call): string | undefined {
  const origin = req.get('origin');
  if (origin !== undefined && hostOf(origin) !== req.get('host')) {
    throw new GaugewayError('FORBIDDEN', 'This comes from another site');
  }
  for (const part of (req.get('cookie') ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === cookieName) return value;
  }
  return undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
