/** What a role or key may do; every route names one of these, or is public. */
export type Action = 'read' | 'operate' | 'admin' | 'write';

export type Role = 'Viewer' | 'Operator' | 'Admin';

export type KeyScope = 'write' | 'read' | 'admin';

/** Who is asking. The tenant comes from the credential and from nowhere else. */
export interface Principal {
  kind: 'user' | 'key';
  /** The user's or the key's id. */
  id: string;
  /** E-mail of a user, name of a key: for logs and audit rows. */
  name: string;
  tenantId: string;
  /** Set for users. */
  role?: Role;
  /** Set for keys. */
  scopes?: readonly KeyScope[];
  /** A key bound to one host may speak for that host only. */
  hostId?: string;
  /** What happens to metric names outside the whitelist, where the key says so itself. */
  whitelistMode?: 'reject' | 'drop' | 'observe';
  /** The user's session (refresh-token family); logout ends it. */
  sessionId?: string;
}

export type AuthenticationFailure =
  'missing' | 'malformed' | 'unknown' | 'expired' | 'revoked' | 'disabled' | 'suspended';

export type Authentication =
  { ok: true; principal: Principal } | { ok: false; reason: AuthenticationFailure };

/**
 * Judges an `Authorization` header: `Bearer JWT`, `Bearer KEY`, or Basic with the key as password.
 * Answers without a promise where the credential is cached, so that the write path does not yield.
 * The promise rejects with UNAVAILABLE where the credential is not cached and Postgres does not answer.
 */
export type Authenticate = (
  authorization: string | undefined,
) => Authentication | Promise<Authentication>;
