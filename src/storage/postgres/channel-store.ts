import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import type { Actor, AuditAction } from '../../access/index.ts';
import type { ChannelStore, StoredChannel } from '../../notify/index.ts';
import { addAudit } from './audit-store.ts';
import { toDate, toMs } from './rows.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  tenant_id: string;
  name: string;
  kind: StoredChannel['kind'];
  target: string;
  settings: StoredChannel['settings'];
  is_default: boolean;
  created_at: Date;
  updated_at: Date;
}

export function createChannelStore(knex: Knex): ChannelStore {
  const store: ChannelStore = {
    all: async () => ((await knex('channels').orderBy('name')) as Row[]).map(toChannel),
    async list(tenantId) {
      const rows = (await knex('channels').where({ tenant_id: tenantId }).orderBy('name')) as Row[];
      return rows.map(toChannel);
    },
    add: (channel, actor) =>
      changed(knex, { channel, actor, action: 'channel_created' }, async (trx) => {
        const added = (await trx('channels')
          .insert(toRow(channel))
          .onConflict(['tenant_id', 'name'])
          .ignore()
          .returning('name')) as unknown[];
        return added.length;
      }),
    update: (channel, actor) =>
      changed(knex, { channel, actor, action: 'channel_updated' }, (trx) =>
        trx('channels').where(keyOf(channel)).update(toRow(channel)),
      ),
    remove: (channel, actor) =>
      changed(knex, { channel, actor, action: 'channel_deleted' }, (trx) =>
        trx('channels').where(keyOf(channel)).delete(),
      ),
    noteTest: (tenantId, name, outcome, actor) =>
      addAudit(knex, {
        ...{ actor, tenantId, action: 'channel_tested', target: `channel:${name}` },
        ...{ atMs: Date.now(), details: { outcome } },
      }),
  };
  return withUnavailable(acrossTenants(store, 'all'));
}

interface Change {
  channel: StoredChannel;
  actor: Actor;
  action: AuditAction;
}

/** The change and its audit row, both or none. */
function changed(
  knex: Knex,
  { channel, actor, action }: Change,
  work: (trx: Knex.Transaction) => Promise<number>,
): Promise<boolean> {
  return knex.transaction(async (trx) => {
    const row = (await trx('channels').where(keyOf(channel)).forUpdate().first()) as
      Row | undefined;
    if ((await work(trx)) === 0) return false;
    const { tenantId, name } = channel;
    const before = row && toChannel(row);
    const after = action === 'channel_deleted' ? undefined : channel;
    await addAudit(trx, {
      ...{ actor, tenantId, action, target: `channel:${name}`, atMs: channel.updatedAtMs },
      details: { ...factsOf(channel), ...changeOf(before, after) },
    });
    return true;
  });
}

const factsOf = ({ kind, isDefault }: StoredChannel) => ({ kind, is_default: isDefault });

/** Targets and settings can hold secrets: that they changed is told, not how. */
function changeOf(before: StoredChannel | undefined, after: StoredChannel | undefined) {
  return {
    ...(before ? { before: factsOf(before) } : {}),
    ...(after ? { after: factsOf(after) } : {}),
    ...(before && after
      ? {
          target_changed: before.target !== after.target,
          settings_changed: !isDeepStrictEqual(before.settings, after.settings),
        }
      : {}),
  };
}

const keyOf = ({ tenantId, name }: StoredChannel) => ({ tenant_id: tenantId, name });

function toRow(channel: StoredChannel) {
  return {
    ...{ ...keyOf(channel), kind: channel.kind, target: channel.target },
    settings: JSON.stringify(channel.settings),
    is_default: channel.isDefault,
    created_at: toDate(channel.createdAtMs),
    updated_at: toDate(channel.updatedAtMs),
  };
}

function toChannel(row: Row): StoredChannel {
  return {
    ...{ tenantId: row.tenant_id, name: row.name, kind: row.kind, target: row.target },
    ...{ settings: row.settings, isDefault: row.is_default },
    ...{ createdAtMs: toMs(row.created_at), updatedAtMs: toMs(row.updated_at) },
  };
}
