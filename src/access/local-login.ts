import passport from 'passport';
import { Strategy } from 'passport-local';
import type { User } from './users.ts';

type VerifyPassword = (email: string, password: string) => Promise<User | undefined>;

/**
 * passport's strategy chain without its Express session: where another way to log in comes (OIDC, PRP REQ-RBAC-002),
 * it is one more strategy here. Rejects where the verification itself breaks.
 */
export function createLocalLogin(verify: VerifyPassword): VerifyPassword {
  const authenticator = new passport.Passport();
  authenticator.use(
    new Strategy({ usernameField: 'email', session: false }, (email, password, done) => {
      verify(email, password).then(
        (user) => done(null, user ?? false),
        (error: unknown) => done(error),
      );
    }),
  );
  return (email, password) =>
    new Promise((resolve, reject) => {
      const settle = (error: unknown, user: User | false | null | undefined): void => {
        if (error) reject(error);
        else resolve(user || undefined);
      };
      const authenticate = authenticator.authenticate('local', { session: false }, settle) as (
        req: object,
        res: object,
        next: (error?: unknown) => void,
      ) => void;
      authenticate({ body: { email, password } }, {}, (error) => settle(error, undefined));
    });
}
