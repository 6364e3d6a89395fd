import type { AuditStore, Keys, Tenants } from '../../access/index.ts';
import type { Route } from '../route.ts';
import { auditRoutes } from './audit.ts';
import { authRoutes } from './auth.ts';
import { keyRoutes } from './keys.ts';
import { ownAccountRoutes, type OwnAccountDeps } from './own-account.ts';
import { passwordResetRoutes, type PasswordResetDeps } from './password-reset.ts';
import { tenantRoutes } from './tenants.ts';
import { userRoutes } from './users.ts';

export interface AccessRouteDeps extends OwnAccountDeps, PasswordResetDeps {
  keys: Keys;
  tenants: Tenants;
  audit: AuditStore;
}

/** Who people and programs are, what they may, and what they did. */
export function accessRoutes(deps: AccessRouteDeps): Route[] {
  return [
    ...authRoutes(deps),
    ...userRoutes(deps),
    ...ownAccountRoutes(deps),
    ...passwordResetRoutes(deps),
    ...keyRoutes(deps),
    ...tenantRoutes(deps),
    ...auditRoutes(deps),
  ];
}
