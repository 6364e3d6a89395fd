/**
 * takes: credentials as they came, and what administrators change.
 * gives: who is asking and what they may do; tenants with their limits; the audit log.
 * never: knows HTTP or SQL, keeps a password, token or key in clear, waits for Postgres where it knows the answer.
 * see:   docs/adr/0005-where-tenancy-is-enforced.md
 */
export type { Accounts, PasswordReset, PasswordResetStore } from './accounts.ts';
export { createAccess, type Access, type AccessStores } from './access.ts';
export { systemActor, type Actor } from './actor.ts';
export type { ApiKey, ApiKeyRecord, ApiKeyStore, IssuedKey, Keys } from './api-keys.ts';
export type { AuditAction, AuditEntry, AuditFilter, AuditRow, AuditStore } from './audit.ts';
export type { Bootstrap, FirstTenant } from './bootstrap.ts';
export type { LoginThrottle } from './login-throttle.ts';
export type { Listed, Page } from './page.ts';
export { generatePassword, type PasswordOptions } from './passwords.ts';
export type {
  Action,
  Authenticate,
  Authentication,
  AuthenticationFailure,
  KeyScope,
  Principal,
  Role,
} from './principal.ts';
export { can } from './roles.ts';
export type { ClientContext, Granted, RefreshToken, RotateOutcome, Sessions } from './sessions.ts';
export { refreshTokenMs, type Session, type SessionState, type SessionStore } from './sessions.ts';
export { defaultTenantId, type StatusChange, type Tenant, type TenantPolicy } from './tenant.ts';
export type { TenantStatus, TenantStore, WhitelistMode } from './tenant.ts';
export type { Tenants } from './tenants.ts';
export type { User, UserPatch, UserRecord, Users, UserStore } from './users.ts';
