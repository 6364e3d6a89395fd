import type { Action, KeyScope, Principal, Role } from './principal.ts';

const ofRole: Readonly<Record<Role, readonly Action[]>> = {
  Viewer: ['read'],
  Operator: ['read', 'operate'],
  Admin: ['read', 'operate', 'admin'],
};

/** An administrator's key does not write samples: a key on a host that does must not be able to administer. */
const ofScope: Readonly<Record<KeyScope, readonly Action[]>> = {
  read: ['read'],
  write: ['write'],
  admin: ['read', 'operate', 'admin'],
};

/** The one place that says who may do what (PRP REQ-RBAC-001, contract "Identity"). */
export function can(principal: Principal, action: Action): boolean {
  if (principal.kind === 'user') {
    return principal.role !== undefined && ofRole[principal.role].includes(action);
  }
  return (principal.scopes ?? []).some((scope) => ofScope[scope].includes(action));
}
