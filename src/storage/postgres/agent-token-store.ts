import type { Knex } from 'knex';
import type { EnrolmentToken, EnrolmentTokenRecord, TokenStore } from '../../agents/index.ts';
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
  token_hash: Buffer;
  tags: Record<string, string>;
  host_id: string | null;
  max_uses: number;
  uses: number;
  created_at: Date;
  expires_at: Date;
  revoked_at: Date | null;
}

export function createAgentTokenStore(knex: Knex): TokenStore {
  const store: TokenStore = {
    async insert(token, audit) {
      await knex.transaction(async (trx) => {
        await trx('agent_tokens').insert(toRow(token));
        await addAudit(trx, audit);
      });
    },
    async findByPrefix(prefix) {
      const row = (await knex('agent_tokens')
        .where({ prefix })
        .first()
        .timeout(credentialTimeoutMs)) as Row | undefined;
      return row && { ...toToken(row), hash: row.token_hash };
    },
    async find(tenantId, id) {
      if (!isUuid(id)) return undefined;
      const row = (await knex('agent_tokens').where({ tenant_id: tenantId, id }).first()) as
        Row | undefined;
      return row && toToken(row);
    },
    list: (tenantId, page) =>
      listed(
        knex('agent_tokens')
          .where({ tenant_id: tenantId, revoked_at: null })
          .orderBy([{ column: 'created_at', order: 'desc' }, 'id']),
        page,
        toToken,
      ),
    async revoke(token, atMs, audit) {
      await knex.transaction(async (trx) => {
        await trx('agent_tokens')
          .where({ tenant_id: token.tenantId, id: token.id, revoked_at: null })
          .update({ revoked_at: toDate(atMs) });
        await addAudit(trx, audit);
      });
    },
  };
  return withUnavailable(acrossTenants(store, 'findByPrefix'));
}

function toToken(row: Row): EnrolmentToken {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    prefix: row.prefix,
    tags: row.tags,
    hostId: row.host_id,
    maxUses: row.max_uses,
    uses: row.uses,
    createdAtMs: toMs(row.created_at),
    expiresAtMs: toMs(row.expires_at),
    revokedAtMs: toMsOrNull(row.revoked_at),
  };
}

function toRow(token: EnrolmentTokenRecord): Row {
  return {
    id: token.id,
    tenant_id: token.tenantId,
    name: token.name,
    prefix: token.prefix,
    token_hash: token.hash,
    tags: token.tags,
    host_id: token.hostId,
    max_uses: token.maxUses,
    uses: token.uses,
    created_at: toDate(token.createdAtMs),
    expires_at: toDate(token.expiresAtMs),
    revoked_at: toDateOrNull(token.revokedAtMs),
  };
}
