/** Who causes a change, for its audit row. */
export interface Actor {
  kind: 'user' | 'key' | 'system';
  id: string;
  /** E-mail of a user, name of a key. */
  name: string;
  tenantId: string;
  ip?: string;
  requestId?: string;
}

/** What this process does on its own account. */
export const systemActor = (tenantId: string): Actor => ({
  kind: 'system',
  id: 'gaugeway',
  name: 'gaugeway',
  tenantId,
});
