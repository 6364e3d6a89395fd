import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import jsonwebtoken, { type SignOptions } from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { createTokens } from '../../../src/access/tokens.ts';
import { createHandClock } from '../../support/access.ts';

const key = Buffer.alloc(32, 1);
const secret = createSecretKey(key);
const clock = createHandClock();
const tokens = createTokens({ key, clock });
const subject = { userId: 'u', tenantId: 't', sessionId: 's' };
const nowSeconds = () => Math.floor(clock.nowMs() / 1_000);

/** A token that is right in all but what a case changes. */
function forge(claims: object = {}, options: SignOptions = {}, signer: unknown = secret): string {
  const now = nowSeconds();
  const base = { sub: 'u', tenant: 't', sid: 's', iss: 'gaugeway', aud: 'gaugeway-api' };
  return jsonwebtoken.sign(
    { ...base, iat: now, exp: now + 60, ...claims },
    signer as jsonwebtoken.Secret,
    { algorithm: 'HS256', header: { alg: 'HS256', typ: 'at+jwt' }, ...options },
  );
}

const unsigned = (alg: string): string => {
  const [, payload] = forge().split('.');
  const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt' })).toString('base64url');
  return `${header}.${payload}.`;
};

describe('an access token', () => {
  it('is accepted as issued, for fifteen minutes', () => {
    const before = nowSeconds();
    const { token, expiresAtMs } = tokens.issue(subject);
    const after = nowSeconds();
    expect(tokens.verify(token)).toEqual({ ok: true, claims: { ...subject, expiresAtMs } });
    // The clock runs: a second may have begun in between.
    expect([before, after]).toContain((expiresAtMs - 900_000) / 1_000);
  });

  it('forged right in every field is accepted, so that the cases below fail for their own reason', () => {
    expect(tokens.verify(forge()).ok).toBe(true);
  });

  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const header = (more: object) =>
    ({ header: { alg: 'HS256', typ: 'at+jwt', ...more } }) as SignOptions;
  const without = (field: string): string => {
    const claims = jsonwebtoken.decode(forge()) as Record<string, unknown>;
    const kept = Object.fromEntries(Object.entries(claims).filter(([name]) => name !== field));
    return jsonwebtoken.sign(kept, secret, {
      ...{ algorithm: 'HS256', header: { alg: 'HS256', typ: 'at+jwt' }, noTimestamp: true },
    });
  };
  const hour = 3_600;
  const cases: Record<string, string> = {
    'alg none': unsigned('none'),
    'alg None': unsigned('None'),
    'alg nOnE': unsigned('nOnE'),
    'no signature': forge().replace(/[^.]+$/, ''),
    'HS512 with the same secret': forge(
      {},
      {
        ...{ algorithm: 'HS512', header: { alg: 'HS512', typ: 'at+jwt' } },
      },
    ),
    'another secret': forge({}, {}, createSecretKey(Buffer.alloc(32, 2))),
    'a public key as secret': forge({}, {}, createSecretKey(Buffer.from(pem))),
    'kid that points elsewhere': forge(
      {},
      header({ kid: '../../dev/null' }),
      createSecretKey(Buffer.from('x'.repeat(32))),
    ),
    'typ JWT': forge({}, header({ typ: 'JWT' })),
    'typ of a refresh token': forge({}, header({ typ: 'rt+jwt' })),
    'another issuer': forge({ iss: 'someone' }),
    'another audience': forge({ aud: 'other-api' }),
    'no exp': without('exp'),
    'no iat': without('iat'),
    'no sub': without('sub'),
    'no tenant': without('tenant'),
    'no sid': without('sid'),
    'nbf in the future': forge({ nbf: nowSeconds() + hour }),
    'iat in the future': forge({ iat: nowSeconds() + hour, exp: nowSeconds() + 2 * hour }),
    'exp in the past': forge({ iat: nowSeconds() - hour, exp: nowSeconds() - 1 }),
    'a tampered payload': forge().replace(/\.([^.]+)\./, (_all, payload: string) => {
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      const forged = JSON.stringify({ ...claims, tenant: 'other' });
      return `.${Buffer.from(forged).toString('base64url')}.`;
    }),
    'no token at all': 'x',
    'empty parts': '..',
  };
  it.each(Object.entries(cases))('is refused with %s', (_name, token) => {
    expect(tokens.verify(token).ok).toBe(false);
  });

  it('is expired and not unknown once its time is over', () => {
    const { token } = tokens.issue(subject);
    clock.advance(900_000 + 1_000);
    expect(tokens.verify(token)).toEqual({ ok: false, reason: 'expired' });
  });
});
