import type { Actor } from '../access/index.ts';
import { GaugewayError, messageOf, type Clock, type Logger } from '../platform/index.ts';
import {
  kindFor,
  literalChannel,
  maskTarget,
  type Channel,
  type ChannelKind,
  type ChannelSettings,
} from './channel.ts';
import type { ChannelStore, StoredChannel } from './ports.ts';

export interface NewChannel {
  name: string;
  kind: ChannelKind;
  target: string;
  settings: ChannelSettings;
  isDefault: boolean;
}

export type ChannelPatch = Partial<Omit<NewChannel, 'name' | 'settings'>> & {
  /** `null` takes one away. */
  settings?: { secret?: string | null; bearerToken?: string | null };
};

/** The channels of all tenants, from memory once started. */
export interface Channels {
  /** What the outbox is told for the names that a rule gives: bare kinds, and none, are the tenant's default channels. */
  namesFor(tenantId: string, names: readonly string[]): readonly string[];
  find(tenantId: string, name: string): Channel | undefined;
  /** Named ones of all tenants. */
  named(): readonly StoredChannel[];
  list(tenantId: string): Promise<StoredChannel[]>;
  create(tenantId: string, wanted: NewChannel, actor: Actor): Promise<StoredChannel>;
  update(channel: StoredChannel, patch: ChannelPatch, actor: Actor): Promise<StoredChannel>;
  remove(channel: StoredChannel, actor: Actor): Promise<void>;
  noteTest(tenantId: string, name: string, outcome: string, actor: Actor): Promise<void>;
  start(): Promise<void>;
}

interface Deps {
  store: ChannelStore;
  changes: {
    on(topic: 'channels', listener: (tenantId: string) => Promise<void> | undefined): void;
  };
  clock: Clock;
  log: Logger;
}

/** Kinds that a rule means by a bare word. */
const meant: Readonly<Record<string, readonly ChannelKind[]>> = {
  email: ['email'],
  webhook: ['webhook', 'slack', 'teams'],
  slack: ['slack'],
  teams: ['teams'],
  alertmanager: ['alertmanager'],
};
const maxChannels = 200;

export function createChannels({ store, changes, clock, log }: Deps): Channels {
  const byTenant = new Map<string, ReadonlyMap<string, StoredChannel>>();
  const of = (tenantId: string) => byTenant.get(tenantId) ?? new Map<string, StoredChannel>();
  const keep = (tenantId: string, found: readonly StoredChannel[]) =>
    byTenant.set(tenantId, new Map(found.map((channel) => [channel.name, channel])));
  const refresh = async (tenantId: string) => void keep(tenantId, await store.list(tenantId));
  // The change is stored: that this process could not read it back is made up for by the feed.
  const refreshSoon = (tenantId: string) =>
    refresh(tenantId).catch((error: unknown) =>
      log.warn('channels not read back', { error: messageOf(error) }),
    );

  return {
    namesFor: (tenantId, names) => expand(of(tenantId), names),
    find: (tenantId, name) => of(tenantId).get(nameOf(name)) ?? literalChannel(tenantId, name),
    named: () => [...byTenant.values()].flatMap((channels) => [...channels.values()]),
    list: (tenantId) => store.list(tenantId),
    async create(tenantId, wanted, actor) {
      const kind = kindFor(wanted.kind, wanted.target);
      const all = await store.list(tenantId);
      if (all.length >= maxChannels) {
        throw new GaugewayError('CONFLICT', `The tenant has ${maxChannels} channels already`);
      }
      const atMs = clock.nowMs();
      const channel = { ...wanted, tenantId, kind, createdAtMs: atMs, updatedAtMs: atMs };
      if (!(await store.add(channel, actor))) {
        throw new GaugewayError('CONFLICT', 'There is a channel of this name');
      }
      await refreshSoon(tenantId);
      return channel;
    },
    async update(channel, { settings, ...patch }, actor) {
      const merged = { ...channel, ...patch };
      const kind = kindFor(merged.kind, merged.target);
      const changed = {
        ...{ ...merged, kind, updatedAtMs: clock.nowMs() },
        settings: patched(settingsKept(channel, { ...merged, kind }), settings ?? {}),
      };
      if (!(await store.update(changed, actor))) {
        throw new GaugewayError('NOT_FOUND', 'There is no such channel');
      }
      await refreshSoon(channel.tenantId);
      return changed;
    },
    async remove(channel, actor) {
      await store.remove(channel, actor);
      await refreshSoon(channel.tenantId);
    },
    noteTest: (tenantId, name, outcome, actor) => store.noteTest(tenantId, name, outcome, actor),
    async start() {
      changes.on('channels', refresh);
      for (const channel of await store.all()) {
        keep(channel.tenantId, [...of(channel.tenantId).values(), channel]);
      }
    },
  };
}

/** `webhook:ops` names the channel `ops`, whatever its kind. */
const nameOf = (name: string): string => /^[a-z]+:([\w.-]+)$/.exec(name)?.[1] ?? name;

function expand(
  channels: ReadonlyMap<string, StoredChannel>,
  names: readonly string[],
): readonly string[] {
  const defaults = [...channels.values()].filter(({ isDefault }) => isDefault);
  if (names.length === 0) return defaults.map(({ name }) => name);
  const expanded = names.flatMap((name) => {
    const named = channels.get(nameOf(name));
    if (named) return [named.name];
    const kinds = meant[name];
    if (kinds === undefined) return [name];
    return defaults.filter(({ kind }) => kinds.includes(kind)).map((channel) => channel.name);
  });
  return [...new Set(expanded)];
}

/** A secret belongs to its receiver: it is not sent to another one because somebody changed the address. */
function settingsKept(before: Channel, after: Channel): ChannelSettings {
  if (before.kind === after.kind && before.target === after.target) return before.settings;
  const originOf = ({ target }: Channel) =>
    URL.canParse(target) ? new URL(target).origin : target;
  return originOf(before) === originOf(after) ? before.settings : {};
}

function patched(
  settings: ChannelSettings,
  patch: { secret?: string | null; bearerToken?: string | null },
): ChannelSettings {
  const merged = { ...settings, ...patch };
  return Object.fromEntries(
    Object.entries(merged).filter(([, value]) => typeof value === 'string'),
  );
}

export const shownTarget = ({ kind, target }: Channel, isAdmin: boolean): string =>
  isAdmin ? target : maskTarget(kind, target);
