import type { Knex } from 'knex';
import type { PasswordResetStore } from '../../access/index.ts';
import { addAudit } from './audit-store.ts';
import { toDate } from './rows.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';
import { toUser, updateUser, type UserRow } from './user-store.ts';

export function createPasswordResetStore(knex: Knex): PasswordResetStore {
  const store: PasswordResetStore = {
    put: ({ tenantId, id }, { hash, createdAtMs, expiresAtMs }, audit) =>
      knex.transaction(async (trx) => {
        await trx('password_resets')
          .insert({
            ...{ token_hash: hash, tenant_id: tenantId, user_id: id },
            ...{ created_at: toDate(createdAtMs), expires_at: toDate(expiresAtMs) },
          })
          .onConflict('user_id')
          .merge();
        await addAudit(trx, audit);
      }),
    async find(hash, nowMs) {
      const row = await knex('password_resets as reset')
        .join('users', 'users.id', 'reset.user_id')
        .where('reset.token_hash', hash)
        .where('reset.expires_at', '>', toDate(nowMs))
        .first<UserRow | undefined>('users.*');
      return row && toUser(row);
    },
    spend: (hash, passwordHash, audit) =>
      knex.transaction(async (trx) => {
        // Of many at once the one that deletes the row has the token.
        const [spent] = await trx('password_resets')
          .where('token_hash', hash)
          .where('expires_at', '>', toDate(audit.atMs))
          .delete()
          .returning<{ tenant_id: string; user_id: string }[]>(['tenant_id', 'user_id']);
        if (!spent) return false;
        const user = { tenantId: spent.tenant_id, id: spent.user_id };
        await updateUser(trx, user, { passwordHash }, { audit });
        return true;
      }),
  };
  return withUnavailable(acrossTenants(store, 'find', 'spend'));
}
