import type { Knex } from 'knex';
import type { RefreshToken, RotateOutcome, Session, SessionStore } from '../../access/index.ts';
import { addAudit } from './audit-store.ts';
import { credentialTimeoutMs, listed, toDate, toMs } from './rows.ts';
import { withUnavailable } from './unavailable.ts';
import { isUuid, toUser, type UserRow } from './user-store.ts';

interface SessionRow {
  id: string;
  tenant_id: string;
  user_id: string;
  ip: string | null;
  created_at: Date;
  expires_at: Date;
}

interface TokenRow extends UserRow {
  session_id: string;
  token_expires_at: Date;
  used_at: Date | null;
  revoked_at: Date | null;
}

export function createSessionStore(knex: Knex): SessionStore {
  const store: SessionStore = {
    async create(session, token, audit) {
      const { id, tenantId, userId, ip, createdAtMs, expiresAtMs } = session;
      await knex.transaction(async (trx) => {
        await trx('sessions').insert({
          id,
          tenant_id: tenantId,
          user_id: userId,
          ip,
          created_at: toDate(createdAtMs),
          expires_at: toDate(expiresAtMs),
        });
        await insertToken(trx, token, { tenantId, sessionId: id });
        await addAudit(trx, audit);
      });
    },
    rotate: (presented, next, options) =>
      knex.transaction((trx) => rotate(trx, { presented, next, ...options })),
    async end({ tenantId, id }, reason, audit) {
      await knex.transaction(async (trx) => {
        await revoke(trx, { tenantId, id, reason, atMs: audit.atMs });
        await addAudit(trx, audit);
      });
    },
    async state(tenantId, sessionId) {
      if (!isUuid(sessionId)) return undefined;
      const row = await knex('sessions')
        .join('users', 'users.id', 'sessions.user_id')
        .where({ 'sessions.id': sessionId, 'sessions.tenant_id': tenantId })
        .first<(UserRow & { revoked_at: Date | null }) | undefined>(
          'users.*',
          'sessions.revoked_at',
        )
        .timeout(credentialTimeoutMs);
      return row && { user: toUser(row), isRevoked: row.revoked_at !== null };
    },
    list: ({ tenantId, userId }, nowMs, page) =>
      listed(
        open(knex, nowMs)
          .where({ tenant_id: tenantId, user_id: userId })
          .orderBy([{ column: 'created_at', order: 'desc' }, 'id']),
        page,
        toSession,
      ),
    async find(tenantId, id, nowMs) {
      if (!isUuid(id)) return undefined;
      const row = (await open(knex, nowMs).where({ tenant_id: tenantId, id }).first()) as
        SessionRow | undefined;
      return row && toSession(row);
    },
  };
  return withUnavailable(store);
}

const open = (knex: Knex, nowMs: number) =>
  knex('sessions').whereNull('revoked_at').where('expires_at', '>', toDate(nowMs));

function toSession(row: SessionRow): Session {
  return {
    ...{ id: row.id, tenantId: row.tenant_id, userId: row.user_id, ip: row.ip },
    ...{ createdAtMs: toMs(row.created_at), expiresAtMs: toMs(row.expires_at) },
  };
}

interface Rotation {
  presented: Buffer;
  next: RefreshToken;
  nowMs: number;
  graceMs: number;
}

async function rotate(trx: Knex.Transaction, rotation: Rotation): Promise<RotateOutcome> {
  const { presented, next, nowMs, graceMs } = rotation;
  // The row lock puts concurrent uses of one token in order: the first one finds it unspent.
  const row = await trx('refresh_tokens as token')
    .join('sessions as session', 'session.id', 'token.session_id')
    .join('users', 'users.id', 'session.user_id')
    .where('token.token_hash', presented)
    .forUpdate('token')
    .first<TokenRow | undefined>(
      'users.*',
      'token.session_id',
      'token.expires_at as token_expires_at',
      'token.used_at',
      'session.revoked_at',
    );
  if (!row) return { kind: 'refused', reason: 'unknown' };
  const user = toUser(row);
  const session = { tenantId: user.tenantId, id: row.session_id };
  if (row.revoked_at !== null) return { kind: 'refused', reason: 'revoked' };
  if (row.used_at !== null) {
    if (nowMs - toMs(row.used_at) <= graceMs) return { kind: 'refused', reason: 'superseded' };
    await revoke(trx, { ...session, reason: 'refresh_reuse', atMs: nowMs });
    return { kind: 'refused', reason: 'reused', user, sessionId: session.id };
  }
  if (toMs(row.token_expires_at) <= nowMs) return { kind: 'refused', reason: 'expired' };
  if (user.status !== 'active') return { kind: 'refused', reason: 'disabled' };
  await trx('refresh_tokens')
    .where({ token_hash: presented, tenant_id: user.tenantId })
    .update({ used_at: toDate(nowMs) });
  await insertToken(trx, next, { tenantId: user.tenantId, sessionId: session.id });
  await trx('sessions')
    .where({ id: session.id, tenant_id: session.tenantId })
    .update({ expires_at: toDate(next.expiresAtMs) });
  return { kind: 'rotated', user, sessionId: session.id };
}

async function insertToken(
  trx: Knex.Transaction,
  token: RefreshToken,
  session: { tenantId: string; sessionId: string },
): Promise<void> {
  await trx('refresh_tokens').insert({
    token_hash: token.hash,
    tenant_id: session.tenantId,
    session_id: session.sessionId,
    issued_at: toDate(token.issuedAtMs),
    expires_at: toDate(token.expiresAtMs),
  });
}

async function revoke(
  trx: Knex.Transaction,
  session: { tenantId: string; id: string; reason: string; atMs: number },
): Promise<void> {
  await trx('sessions')
    .where({ tenant_id: session.tenantId, id: session.id, revoked_at: null })
    .update({ revoked_at: toDate(session.atMs), revoked_reason: session.reason });
}
