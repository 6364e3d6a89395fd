import { GaugewayError } from '../platform/index.ts';
import { systemActor } from './actor.ts';
import type { IssuedKey, Keys } from './api-keys.ts';
import { generatePassword } from './passwords.ts';
import { defaultTenantId } from './tenant.ts';
import type { Tenants } from './tenants.ts';
import type { Users } from './users.ts';

export interface FirstTenant {
  created: boolean;
  email: string;
  /** Only where it was made here, and only this once. */
  password?: string;
}

export interface FirstTenantOptions {
  adminEmail: string;
  adminPassword?: string;
  /** Where nobody watches, a password that was made here could be shown to nobody: then one must be given. */
  mustGivePassword?: boolean;
}

export interface Bootstrap {
  /** Makes the tenant `default` and its administrator where there is none; safe to call at every start, by many. */
  firstTenant(options: FirstTenantOptions): Promise<FirstTenant>;
  /** Keys of the tenant `default` for this installation's own use; earlier ones of the same names end. */
  localKeys(options: {
    hostId?: string;
  }): Promise<{ agent: IssuedKey; read: IssuedKey; write: IssuedKey }>;
}

interface Deps {
  tenants: Tenants;
  users: Users;
  keys: Keys;
}

const by = systemActor(defaultTenantId);

export function createBootstrap({ tenants, users, keys }: Deps): Bootstrap {
  return {
    async firstTenant({ adminEmail, adminPassword, mustGivePassword = false }) {
      await unlessConflict(
        tenants.create({ id: defaultTenantId, name: 'Default', policy: {} }, by),
      );
      const { total } = await users.list(defaultTenantId, { limit: 1, offset: 0 });
      if (total > 0) return { created: false, email: adminEmail };
      if (mustGivePassword && adminPassword === undefined) {
        throw new GaugewayError(
          'BAD_REQUEST',
          'There is no administrator yet: the first start needs GAUGEWAY_ADMIN_PASSWORD (and GAUGEWAY_ADMIN_EMAIL).',
        );
      }
      const password = adminPassword ?? generatePassword();
      const user = { email: adminEmail, password, role: 'Admin' as const };
      const made = await unlessConflict(users.create(defaultTenantId, user, by));
      if (!made) return { created: false, email: adminEmail };
      return {
        ...{ created: true, email: adminEmail },
        ...(adminPassword === undefined ? { password } : {}),
      };
    },
    async localKeys({ hostId }) {
      const bound = hostId === undefined ? {} : { hostId };
      const issue = (name: string, scope: 'read' | 'write', more = {}) =>
        keys.replace(defaultTenantId, { name, scopes: [scope], ...more }, by);
      return {
        agent: await issue('local agent', 'write', bound),
        read: await issue('first read key', 'read'),
        write: await issue('first write key', 'write'),
      };
    },
  };
}

/** Another process that starts at the same time may have been first. */
async function unlessConflict<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof GaugewayError && error.code === 'CONFLICT') return undefined;
    throw error;
  }
}
