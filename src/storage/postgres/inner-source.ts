import type { Knex } from 'knex';
import type { InnerSources } from '../../ruler/index.ts';
import { labelsFromJson } from './alert-json.ts';

interface ReceivedRow {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  generator_url: string | null;
}

/** Groups of rulers' own that are not looked at for failures. */
const ownGroups = ['received;alertmanager', 'gaugeway;self'];

export function createInnerSources(knex: Knex): InnerSources {
  const tenantsOf = async (table: string) => {
    const rows = await knex(table).distinct<{ tenant_id: string }[]>('tenant_id');
    return rows.map(({ tenant_id }) => tenant_id);
  };
  return {
    receivers: () => tenantsOf('received_alerts'),
    watched: () => tenantsOf('rule_groups'),
    async received(tenantId, atMs) {
      const rows = await knex('received_alerts')
        .where({ tenant_id: tenantId })
        .andWhere('starts_at_ms', '<=', atMs)
        .andWhere('ends_at_ms', '>', atMs)
        .select<ReceivedRow[]>('labels', 'annotations', 'generator_url');
      return rows.map(({ labels, annotations, generator_url: generatorUrl }) => ({
        labels: labelsFromJson(labels),
        annotations: labelsFromJson(annotations),
        value: 1,
        ...(generatorUrl === null ? {} : { generatorUrl }),
      }));
    },
    async deadMessages(tenantId) {
      const { rows } = await knex.raw<{ rows: { channel: string; count: string }[] }>(
        `SELECT channel, count(DISTINCT message_id) AS count FROM deliveries
         WHERE tenant_id = :tenantId AND status = 'dead'
           AND finished_at > clock_timestamp() - interval '1 hour'
         GROUP BY channel ORDER BY channel LIMIT 20`,
        { tenantId },
      );
      return rows.map(({ channel, count }) => ({
        channel: withoutPath(channel),
        count: Number(count),
      }));
    },
    async failingGroups(tenantId, slots) {
      const rows = await knex('rule_groups')
        .where({ tenant_id: tenantId })
        .whereNotIn('key', ownGroups)
        .whereNotNull('last_slot_ms')
        .orderBy('key')
        .select<{ key: string; failing: number; health: Record<string, { error?: string }> }[]>(
          'key',
          'failing',
          'health',
        );
      const failing = rows.filter((row) => row.failing >= slots);
      return {
        all: rows.length,
        failing: failing.map(({ key, health }) => ({
          groupKey: key,
          error: Object.values(health).find(({ error }) => error !== undefined)?.error ?? '',
        })),
      };
    },
  };
}

/** A URL's path is as good as a password: its host is enough for people. */
const withoutPath = (channel: string): string => channel.replace(/(:\/\/[^/]*\/).+$/, '$1…');
