/** Port: makes storage forget one host's series. Rejects with UNAVAILABLE where it cannot. */
export interface SeriesEraser {
  erase(tenantId: string, hostId: string): Promise<void>;
}
