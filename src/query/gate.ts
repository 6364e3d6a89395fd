/** How many queries run at once. */
export interface GateLimits {
  total: number;
  perTenant: number;
  /** Queries of one tenant that may wait; the next is refused. */
  waitingPerTenant: number;
}

export type GateOutcome<T> = { admitted: true; value: T } | { admitted: false };

export interface Gate {
  /** Runs when there is room; tenants take turns, so that one with many queries delays only its own. */
  run<T>(tenantId: string, task: () => Promise<T>): Promise<GateOutcome<T>>;
}

export function createGate(limits: GateLimits): Gate {
  const running = new Map<string, number>();
  /** Insertion order is the order of turns; a tenant that was served goes to the end. */
  const waiting = new Map<string, (() => void)[]>();
  let total = 0;

  const mayRun = (tenantId: string): boolean =>
    total < limits.total && (running.get(tenantId) ?? 0) < limits.perTenant;

  const enter = (tenantId: string): void => {
    total++;
    running.set(tenantId, (running.get(tenantId) ?? 0) + 1);
  };

  const leave = (tenantId: string): void => {
    total--;
    const left = (running.get(tenantId) ?? 1) - 1;
    if (left === 0) running.delete(tenantId);
    else running.set(tenantId, left);
    for (const [next, queue] of waiting) {
      if (!mayRun(next)) continue;
      const wake = queue.shift();
      waiting.delete(next);
      if (queue.length > 0) waiting.set(next, queue);
      enter(next);
      wake?.();
      return;
    }
  };

  return {
    async run(tenantId, task) {
      if (mayRun(tenantId) && !waiting.has(tenantId)) {
        enter(tenantId);
      } else {
        const queue = waiting.get(tenantId) ?? [];
        if (queue.length >= limits.waitingPerTenant) return { admitted: false };
        waiting.set(tenantId, queue);
        await new Promise<void>((resolve) => queue.push(resolve));
      }
      try {
        return { admitted: true, value: await task() };
      } finally {
        leave(tenantId);
      }
    },
  };
}
