import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Actor, AuditAction, AuditEntry, Listed, Page } from '../access/index.ts';
import type { Clock } from '../platform/index.ts';

/** A token that gives machines a host and a key; it opens nothing else. */
export interface EnrolmentToken {
  id: string;
  tenantId: string;
  name: string;
  /** Public: finds the row. */
  prefix: string;
  /** Labels for the hosts that enrol with it. */
  tags: Readonly<Record<string, string>>;
  /** The token is for this host alone, and may give it to another machine than before. */
  hostId: string | null;
  maxUses: number;
  uses: number;
  createdAtMs: number;
  expiresAtMs: number;
  revokedAtMs: number | null;
}

export interface EnrolmentTokenRecord extends EnrolmentToken {
  /** SHA-256 of the whole token: 32 random bytes need no slow hash. */
  hash: Buffer;
}

/** Port: enrolment tokens. */
export interface TokenStore {
  insert(token: EnrolmentTokenRecord, audit: AuditEntry): Promise<void>;
  findByPrefix(prefix: string): Promise<EnrolmentTokenRecord | undefined>;
  find(tenantId: string, id: string): Promise<EnrolmentToken | undefined>;
  /** Newest first, without revoked ones. */
  list(tenantId: string, page: Page): Promise<Listed<EnrolmentToken>>;
  revoke(token: EnrolmentToken, atMs: number, audit: AuditEntry): Promise<void>;
  /** Takes one use; false where none is left, whoever was faster. */
  spend(token: EnrolmentToken): Promise<boolean>;
}

export interface NewToken {
  name: string;
  ttlMs: number;
  maxUses: number;
  tags: Readonly<Record<string, string>>;
  hostId?: string;
}

/** A token at the only moment at which it is known. */
export interface IssuedToken {
  id: string;
  token: string;
  expiresAtMs: number;
  maxUses: number;
}

export type TokenRefusal = 'malformed' | 'unknown' | 'expired' | 'revoked';

/** The enrolment tokens of a tenant. An id of another tenant is an unknown id. */
export interface Tokens {
  create(tenantId: string, wanted: NewToken, by: Actor): Promise<IssuedToken>;
  list(tenantId: string, page: Page): Promise<Listed<EnrolmentToken>>;
  get(tenantId: string, id: string): Promise<EnrolmentToken | undefined>;
  revoke(token: EnrolmentToken, by: Actor): Promise<void>;
  /** Who brings the text may enrol, as far as the token goes; its uses are judged when one is spent. */
  judge(text: string): Promise<{ token: EnrolmentToken } | { reason: TokenRefusal }>;
}

const tokenPattern = /^enr_([\w-]{12})_[\w-]{43}$/;

export function createTokens({ store, clock }: { store: TokenStore; clock: Clock }): Tokens {
  const audited = (token: EnrolmentToken, action: AuditAction, by: Actor): AuditEntry => ({
    ...{ actor: by, tenantId: token.tenantId, action, target: `agent-token:${token.id}` },
    atMs: clock.nowMs(),
    details: { name: token.name, max_uses: token.maxUses, host_id: token.hostId, tags: token.tags },
  });
  return {
    async create(tenantId, { name, ttlMs, maxUses, tags, hostId = null }, by) {
      const nowMs = clock.nowMs();
      const prefix = randomBytes(9).toString('base64url');
      const text = `enr_${prefix}_${randomBytes(32).toString('base64url')}`;
      const expiresAtMs = nowMs + ttlMs;
      const token: EnrolmentTokenRecord = {
        ...{ id: randomUUID(), tenantId, name, prefix, hash: hashOf(text), tags, hostId, maxUses },
        ...{ uses: 0, createdAtMs: nowMs, expiresAtMs, revokedAtMs: null },
      };
      await store.insert(token, audited(token, 'agent_token_created', by));
      return { id: token.id, token: text, expiresAtMs, maxUses };
    },
    list: (tenantId, page) => store.list(tenantId, page),
    get: (tenantId, id) => store.find(tenantId, id),
    revoke: (token, by) =>
      store.revoke(token, clock.nowMs(), audited(token, 'agent_token_revoked', by)),
    async judge(text) {
      const prefix = tokenPattern.exec(text)?.[1];
      if (prefix === undefined) return { reason: 'malformed' };
      const record = await store.findByPrefix(prefix);
      if (!record || !timingSafeEqual(hashOf(text), record.hash)) return { reason: 'unknown' };
      if (record.revokedAtMs !== null) return { reason: 'revoked' };
      return record.expiresAtMs <= clock.nowMs() ? { reason: 'expired' } : { token: record };
    },
  };
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
