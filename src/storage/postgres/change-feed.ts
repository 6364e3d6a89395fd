import type { Knex } from 'knex';
import { messageOf, type Clock, type Logger } from '../../platform/index.ts';

/** What migrations count changes of, by the trigger `note_change`. */
export type ChangeTopic =
  'tenants' | 'credentials' | 'hosts' | 'whitelist' | 'agents' | 'rules' | 'silences' | 'channels';

export type ChangeListener = (tenantId: string) => Promise<void> | undefined;

/** Tells this process what any process changed, within one interval. */
export interface ChangeFeed {
  /** A listener that rejects is called again at the next look. */
  on(topic: ChangeTopic, listener: ChangeListener): void;
  /** When the database was last heard, on the monotonic clock; -Infinity before. */
  heardAtMs(): number;
  /** Notes where things stand; what is loaded after it misses no change. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Deps {
  knex: Knex;
  clock: Clock;
  log: Logger;
  intervalMs?: number;
}

interface ChangeRow {
  tenant_id: string;
  topic: ChangeTopic;
  version: string;
}

const defaultIntervalMs = 1_000;
const queryTimeoutMs = 3_000;

/** Polls a small table of counters rather than LISTEN, which a transaction pooler in front of Postgres breaks. */
export function createChangeFeed(deps: Deps): ChangeFeed {
  const { knex, clock, intervalMs = defaultIntervalMs } = deps;
  const log = deps.log.child('change-feed');
  const listeners = new Map<ChangeTopic, ChangeListener[]>();
  const seen = new Map<string, string>();
  let heardAtMs = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let isDeaf = false;

  async function read(): Promise<ChangeRow[]> {
    const rows = (await knex('changes').select('*').timeout(queryTimeoutMs)) as ChangeRow[];
    heardAtMs = clock.monotonicMs();
    return rows;
  }

  async function tell({ tenant_id: tenantId, topic, version }: ChangeRow): Promise<void> {
    const key = `${topic} ${tenantId}`;
    if (seen.get(key) === version) return;
    for (const listener of listeners.get(topic) ?? []) await listener(tenantId);
    seen.set(key, version);
  }

  async function look(): Promise<void> {
    try {
      for (const row of await read()) await tell(row);
      if (isDeaf) log.info('changes are heard again');
      isDeaf = false;
    } catch (error) {
      if (!isDeaf) log.warn('changes not heard, looking on', { error: messageOf(error) });
      isDeaf = true;
    }
  }

  function next(): void {
    timer = setTimeout(() => {
      looking = look().finally(() => {
        if (timer) next();
      });
    }, intervalMs).unref();
  }

  return {
    on(topic, listener) {
      listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
    },
    heardAtMs: () => heardAtMs,
    async start() {
      for (const { tenant_id: tenantId, topic, version } of await read()) {
        seen.set(`${topic} ${tenantId}`, version);
      }
      next();
    },
    async stop() {
      clearTimeout(timer);
      timer = undefined;
      await looking;
    },
  };
}
