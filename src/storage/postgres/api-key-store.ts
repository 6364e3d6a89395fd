import type { Knex } from 'knex';
import type {
  ApiKey,
  ApiKeyRecord,
  ApiKeyStore,
  AuditEntry,
  KeyScope,
  WhitelistMode,
} from '../../access/index.ts';
import { addAudit } from './audit-store.ts';
import { credentialTimeoutMs, listed, toDate, toDateOrNull, toMs, toMsOrNull } from './rows.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';
import { isUuid } from './user-store.ts';

interface Row {
  id: string;
  tenant_id: string;
  name: string;
  prefix: string;
  key_hash: Buffer;
  scopes: KeyScope[];
  host_id: string | null;
  whitelist_mode: WhitelistMode | null;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
  rotated_from: string | null;
}

export function createApiKeyStore(knex: Knex): ApiKeyStore {
  const store: ApiKeyStore = {
    insert: (key, audit, options) => insert(knex, key, { audit, ...options }),
    async findByPrefix(prefix) {
      const row = (await knex('api_keys')
        .where({ prefix })
        .first()
        .timeout(credentialTimeoutMs)) as Row | undefined;
      return row && { ...toKey(row), hash: row.key_hash };
    },
    async find(tenantId, id) {
      if (!isUuid(id)) return undefined;
      const row = (await knex('api_keys').where({ tenant_id: tenantId, id }).first()) as
        Row | undefined;
      return row && toKey(row);
    },
    list: (tenantId, page) =>
      listed(
        knex('api_keys')
          .where({ tenant_id: tenantId, revoked_at: null })
          .orderBy([{ column: 'created_at', order: 'desc' }, 'id']),
        page,
        toKey,
      ),
    async revoke(key, atMs, audit) {
      await knex.transaction(async (trx) => {
        await trx('api_keys')
          .where({ tenant_id: key.tenantId, id: key.id, revoked_at: null })
          .update({ revoked_at: toDate(atMs) });
        await addAudit(trx, audit);
      });
    },
    async rotate(from, to, { endsAtMs, audit }) {
      await knex.transaction(async (trx) => {
        await trx('api_keys').insert(toRow(to));
        await trx('api_keys')
          .where({ tenant_id: from.tenantId, id: from.id })
          .update({ expires_at: toDate(endsAtMs) });
        await addAudit(trx, audit);
      });
    },
    async touch(used) {
      await knex.raw(
        `update api_keys set last_used_at = greatest(last_used_at, used.at)
         from unnest(?::uuid[], ?::timestamptz[]) as used (id, at) where api_keys.id = used.id`,
        [used.map(({ id }) => id), used.map(({ atMs }) => toDate(atMs).toISOString())],
      );
    },
  };
  return withUnavailable(acrossTenants(store, 'findByPrefix', 'touch'));
}

async function insert(
  knex: Knex,
  key: ApiKeyRecord,
  { audit, replaces }: { audit: AuditEntry; replaces?: string },
): Promise<void> {
  await knex.transaction(async (trx) => {
    if (replaces !== undefined) {
      await trx('api_keys')
        .where({ tenant_id: key.tenantId, name: replaces, revoked_at: null })
        .update({ revoked_at: toDate(audit.atMs) });
    }
    await trx('api_keys').insert(toRow(key));
    await addAudit(trx, audit);
  });
}

function toKey(row: Row): ApiKey {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes,
    hostId: row.host_id,
    whitelistMode: row.whitelist_mode,
    createdAtMs: toMs(row.created_at),
    expiresAtMs: toMsOrNull(row.expires_at),
    revokedAtMs: toMsOrNull(row.revoked_at),
    lastUsedAtMs: toMsOrNull(row.last_used_at),
    rotatedFrom: row.rotated_from,
  };
}

function toRow(key: ApiKeyRecord): Row {
  return {
    id: key.id,
    tenant_id: key.tenantId,
    name: key.name,
    prefix: key.prefix,
    key_hash: key.hash,
    scopes: [...key.scopes],
    host_id: key.hostId,
    whitelist_mode: key.whitelistMode,
    created_at: toDate(key.createdAtMs),
    expires_at: toDateOrNull(key.expiresAtMs),
    revoked_at: toDateOrNull(key.revokedAtMs),
    last_used_at: toDateOrNull(key.lastUsedAtMs),
    rotated_from: key.rotatedFrom,
  };
}
