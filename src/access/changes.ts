/**
 * Port: what another process (or this one) changed in the database, at most a few seconds late. A listener that
 * rejects is called again.
 */
export interface Changes {
  on(
    topic: 'tenants' | 'credentials',
    listener: (tenantId: string) => Promise<void> | undefined,
  ): void;
  /** When the database was last heard, on the monotonic clock, milliseconds. */
  heardAtMs(): number;
}
