/** Port: counts attempts, right or wrong, before any password is hashed; the same on all replicas. */
export interface LoginThrottle {
  /** 0 where the attempt may go on; else the seconds until the next one may. */
  attempt(account: string, address: string): Promise<number>;
}
