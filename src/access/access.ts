import { messageOf, type Clock, type Logger } from '../platform/index.ts';
import { createAccounts, type Accounts, type PasswordResetStore } from './accounts.ts';
import { createKeys, type ApiKeyStore, type Keys } from './api-keys.ts';
import type { AuditStore } from './audit.ts';
import { createAuthenticate } from './authenticate.ts';
import { createBootstrap, type Bootstrap } from './bootstrap.ts';
import type { Changes } from './changes.ts';
import { createKeyUse } from './key-use.ts';
import type { LoginThrottle } from './login-throttle.ts';
import { createPasswords, type PasswordOptions } from './passwords.ts';
import type { Authenticate } from './principal.ts';
import { createSessions, type SessionStore, type Sessions } from './sessions.ts';
import type { TenantPolicy, TenantStore } from './tenant.ts';
import { createTenants, type Tenants } from './tenants.ts';
import { createTokens } from './tokens.ts';
import { createUsers, type Users, type UserStore } from './users.ts';

export interface AccessStores {
  users: UserStore;
  passwordResets: PasswordResetStore;
  sessions: SessionStore;
  keys: ApiKeyStore;
  tenants: TenantStore;
  audit: AuditStore;
}

interface AccessDeps {
  stores: AccessStores;
  changes: Changes;
  /** Signs access tokens; at least 32 bytes, the same on all replicas. */
  signingKey: Buffer;
  /** What a tenant may use where its row says nothing. */
  defaultPolicy: TenantPolicy;
  loginThrottle: LoginThrottle;
  clock: Clock;
  log: Logger;
  passwordOptions?: PasswordOptions;
}

export interface Access {
  authenticate: Authenticate;
  users: Users;
  accounts: Accounts;
  sessions: Sessions;
  keys: Keys;
  tenants: Tenants;
  audit: AuditStore;
  bootstrap: Bootstrap;
  /** The tenant's credentials are asked anew: they were changed in this process, and the change feed is a second late. */
  forget: (tenantId: string) => void;
  /** Loads what is answered from memory and begins to save when keys were used. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const keyUseFlushMs = 60_000;

export function createAccess(deps: AccessDeps): Access {
  const { stores, changes, clock } = deps;
  const log = deps.log.child('access');
  const tokens = createTokens({ key: deps.signingKey, clock });
  const passwords = createPasswords(deps.passwordOptions);
  const keyUse = createKeyUse(stores.keys, clock);
  const tenants = createTenants({
    ...{ store: stores.tenants, changes, defaults: deps.defaultPolicy, clock },
  });
  const { authenticate, forget: onChanged } = createAuthenticate({
    ...{ keys: stores.keys, sessions: stores.sessions, tokens, changes, keyUse, clock, log },
    isActive: tenants.isActive,
  });
  // Of a tenant that was suspended the sessions have ended: what is remembered of them must not come back with it.
  tenants.onChange(onChanged);
  const users = createUsers({ store: stores.users, passwords, onChanged, clock });
  const keys = createKeys({ store: stores.keys, onChanged, clock });
  const { audit } = stores;
  const sessions = createSessions({
    ...{ store: stores.sessions, users: stores.users, audit, onChanged },
    ...{ passwords, tokens, throttle: deps.loginThrottle, clock, log },
    isActive: tenants.isActive,
  });
  const accounts = createAccounts({
    ...{ users: stores.users, resets: stores.passwordResets, audit, onChanged },
    ...{ passwords, throttle: deps.loginThrottle, clock },
  });
  const flush = (): Promise<void> =>
    keyUse.flush().catch((error: unknown) => {
      log.warn('last use of keys not saved, will be tried again', { error: messageOf(error) });
    });
  let timer: NodeJS.Timeout | undefined;
  return {
    ...{ authenticate, users, accounts, sessions, keys, tenants, audit },
    bootstrap: createBootstrap({ tenants, users, keys }),
    forget: onChanged,
    async start() {
      await tenants.load();
      timer ??= setInterval(() => void flush(), keyUseFlushMs).unref();
    },
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
