import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type { Actor } from './actor.ts';
import type { AuditAction, AuditEntry } from './audit.ts';
import type { Listed, Page } from './page.ts';
import type { KeyScope } from './principal.ts';
import type { WhitelistMode } from './tenant.ts';

export interface ApiKey {
  id: string;
  tenantId: string;
  name: string;
  /** Public: shown in lists, finds the row. */
  prefix: string;
  scopes: readonly KeyScope[];
  /** The key speaks for this host only. */
  hostId: string | null;
  whitelistMode: WhitelistMode | null;
  createdAtMs: number;
  expiresAtMs: number | null;
  revokedAtMs: number | null;
  lastUsedAtMs: number | null;
  /** The key that this one takes over from. */
  rotatedFrom: string | null;
}

export interface ApiKeyRecord extends ApiKey {
  /** SHA-256 of the whole key: 32 random bytes need no slow hash. */
  hash: Buffer;
}

export interface ApiKeyStore {
  /** Adds one; with `replaces`, the tenant's unrevoked keys of that name end in the same transaction. */
  insert(key: ApiKeyRecord, audit: AuditEntry, options?: { replaces: string }): Promise<void>;
  findByPrefix(prefix: string): Promise<ApiKeyRecord | undefined>;
  find(tenantId: string, id: string): Promise<ApiKey | undefined>;
  /** Newest first, without revoked ones. */
  list(tenantId: string, page: Page): Promise<Listed<ApiKey>>;
  revoke(key: ApiKey, atMs: number, audit: AuditEntry): Promise<void>;
  /** Adds the successor and lets the predecessor end at `endsAtMs`. */
  rotate(
    from: ApiKey,
    to: ApiKeyRecord,
    options: { endsAtMs: number; audit: AuditEntry },
  ): Promise<void>;
  touch(used: readonly { id: string; atMs: number }[]): Promise<void>;
}

export interface NewKey {
  name: string;
  scopes: readonly KeyScope[];
  hostId?: string;
  expiresAtMs?: number;
  whitelistMode?: WhitelistMode;
}

/** A key at the only moment at which it is known. */
export interface IssuedKey {
  id: string;
  key: string;
}

/** The keys of a tenant. An id of another tenant is an unknown id. */
export interface Keys {
  create(tenantId: string, key: NewKey, by: Actor): Promise<IssuedKey>;
  /** Makes one and ends the tenant's others of the same name. */
  replace(tenantId: string, key: NewKey, by: Actor): Promise<IssuedKey>;
  list(tenantId: string, page: Page): Promise<Listed<ApiKey>>;
  get(tenantId: string, id: string): Promise<ApiKey | undefined>;
  revoke(key: ApiKey, by: Actor): Promise<void>;
  /** A successor with the same rights; the old one goes on for `overlapMs`. */
  rotate(key: ApiKey, overlapMs: number, by: Actor): Promise<IssuedKey>;
}

const prefixLength = 12;
const keyPattern = new RegExp(`^gwk_([\\w-]{${prefixLength}})_([\\w-]{43})$`);

/** The public part of something that looks like a key. */
export function prefixOf(key: string): string | undefined {
  return keyPattern.exec(key)?.[1];
}

export function isSameKey(key: string, record: ApiKeyRecord): boolean {
  return timingSafeEqual(hashOf(key), record.hash);
}

interface Deps {
  store: ApiKeyStore;
  /** Told whose credentials changed. */
  onChanged: (tenantId: string) => void;
  clock: Clock;
}

export function createKeys({ store, onChanged, clock }: Deps): Keys {
  const audited = (key: ApiKey, action: AuditAction, by: Actor): AuditEntry => ({
    ...{ actor: by, tenantId: key.tenantId, action, target: `key:${key.id}` },
    atMs: clock.nowMs(),
    details: { name: key.name, scopes: key.scopes, host_id: key.hostId },
  });
  return {
    async create(tenantId, wanted, by) {
      const { record, issued } = make(tenantId, wanted, clock.nowMs());
      await store.insert(record, audited(record, 'key_created', by));
      return issued;
    },
    async replace(tenantId, wanted, by) {
      const { record, issued } = make(tenantId, wanted, clock.nowMs());
      const entry = audited(record, 'key_created', by);
      await store.insert(record, entry, { replaces: wanted.name });
      onChanged(tenantId);
      return issued;
    },
    list: (tenantId, page) => store.list(tenantId, page),
    get: (tenantId, id) => store.find(tenantId, id),
    async revoke(key, by) {
      await store.revoke(key, clock.nowMs(), audited(key, 'key_revoked', by));
      onChanged(key.tenantId);
    },
    async rotate(key, overlapMs, by) {
      const nowMs = clock.nowMs();
      if (key.revokedAtMs !== null || (key.expiresAtMs ?? Infinity) <= nowMs) {
        throw new GaugewayError('CONFLICT', 'the key has ended already');
      }
      const { record, issued } = make(key.tenantId, inherit(key), nowMs);
      const endsAtMs = Math.min(key.expiresAtMs ?? Infinity, nowMs + overlapMs);
      const entry = audited(key, 'key_rotated', by);
      const ends_at = new Date(endsAtMs).toISOString();
      const audit = { ...entry, details: { ...entry.details, successor: record.id, ends_at } };
      await store.rotate(key, { ...record, rotatedFrom: key.id }, { endsAtMs, audit });
      onChanged(key.tenantId);
      return issued;
    },
  };
}

function inherit({ name, scopes, hostId, whitelistMode }: ApiKey): NewKey {
  return {
    ...{ name, scopes },
    ...(hostId === null ? {} : { hostId }),
    ...(whitelistMode === null ? {} : { whitelistMode }),
  };
}

function make(tenantId: string, wanted: NewKey, nowMs: number) {
  const { name, scopes, hostId = null, expiresAtMs = null, whitelistMode = null } = wanted;
  if (hostId !== null && scopes.some((scope) => scope !== 'write')) {
    throw new GaugewayError('BAD_REQUEST', 'a key for one host can only have the scope write');
  }
  if (expiresAtMs !== null && expiresAtMs <= nowMs) {
    throw new GaugewayError('BAD_REQUEST', 'the expiry lies in the past');
  }
  const prefix = randomBytes(9).toString('base64url');
  const key = `gwk_${prefix}_${randomBytes(32).toString('base64url')}`;
  const record: ApiKeyRecord = {
    ...{ id: randomUUID(), tenantId, name, prefix, hash: hashOf(key) },
    ...{ scopes, hostId, whitelistMode, createdAtMs: nowMs, expiresAtMs },
    ...{ revokedAtMs: null, lastUsedAtMs: null, rotatedFrom: null },
  };
  return { record, issued: { id: record.id, key } };
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
