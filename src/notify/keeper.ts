import { messageOf, sleep, type Clock, type Logger } from '../platform/index.ts';
import type { Channel } from './channel.ts';
import type { StoredChannel, OpenAlert, Outbox } from './ports.ts';
import { alertmanagerBody } from './channels/alertmanager.ts';
import type { Post } from './http-post.ts';
import { bearer, targetOf } from './sender.ts';

interface Deps {
  outbox: Pick<Outbox, 'openFor'>;
  channels: {
    find(tenantId: string, name: string): Channel | undefined;
    named(): readonly StoredChannel[];
  };
  post: Post;
  /** Whether this process is the one that does it at the moment. */
  isMine: () => Promise<boolean>;
  everyMs: number;
  clock: Clock;
  log: Logger;
}

export interface Keeper {
  start(): void;
  stop(): Promise<void>;
}

const maxAlerts = 1_000;

/** Tells Alertmanagers each minute what fires on: an alert that nobody tells again ends there by itself. */
export function createKeeper(deps: Deps): Keeper {
  const stopping = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  return {
    start() {
      loop = run(deps, stopping.signal);
    },
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

async function run(deps: Deps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      if (await deps.isMine()) await tellAll(deps);
    } catch (error) {
      deps.log.warn('firing alerts were not told again', { error: messageOf(error) });
    }
    await sleep(deps.everyMs, signal);
  }
}

async function tellAll(deps: Deps): Promise<void> {
  const named = deps.channels.named().filter(({ kind }) => kind === 'alertmanager');
  const open = await deps.outbox.openFor(named);
  const byChannel = new Map<string, OpenAlert[]>();
  for (const one of open) {
    const key = `${one.tenantId} ${one.channel}`;
    const alerts = byChannel.get(key);
    if (alerts) alerts.push(one);
    else byChannel.set(key, [one]);
  }
  await Promise.all([...byChannel.values()].map((alerts) => tell(deps, alerts)));
}

async function tell(deps: Deps, open: readonly OpenAlert[]): Promise<void> {
  const [first] = open;
  const channel = first && deps.channels.find(first.tenantId, first.channel);
  if (channel?.kind !== 'alertmanager') return;
  for (let from = 0; from < open.length; from += maxAlerts) {
    const part = open.slice(from, from + maxAlerts);
    const alerts = part.map(({ alert }) => ({ ...alert, isResolved: false }));
    const outcome = await deps.post({
      target: targetOf(channel),
      body: alertmanagerBody(alerts, deps.clock.nowMs()),
      headers: bearer(channel),
      secrets: Object.values(channel.settings) as (string | undefined)[],
    });
    if (outcome.kind !== 'sent') {
      const { status, answer } = outcome;
      deps.log.warn('an Alertmanager was not told what fires on', { status, answer });
      return;
    }
  }
}
