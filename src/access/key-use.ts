import type { Clock } from '../platform/index.ts';
import type { ApiKeyStore } from './api-keys.ts';

/** Remembers when keys were used, and tells Postgres once a minute: no write per request. */
export interface KeyUse {
  note(keyId: string): void;
  flush(): Promise<void>;
}

export function createKeyUse(store: ApiKeyStore, clock: Clock): KeyUse {
  let used = new Map<string, number>();
  return {
    note: (keyId) => void used.set(keyId, clock.nowMs()),
    async flush() {
      if (used.size === 0) return;
      const flushing = used;
      used = new Map();
      try {
        await store.touch([...flushing].map(([id, atMs]) => ({ id, atMs })));
      } catch (error) {
        used = new Map([...flushing, ...used]);
        throw error;
      }
    },
  };
}
