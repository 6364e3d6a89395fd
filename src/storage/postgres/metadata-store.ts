import type { Knex } from 'knex';
import type { MetadataRow, MetadataStore } from '../../ingest/index.ts';
import { acrossTenants } from './scope.ts';
import { withUnavailable } from './unavailable.ts';

interface Row {
  metric: string;
  type: string;
  help: string;
  unit: string;
}

/** Both ends of metric metadata: what ingest writes and what query reads. */
export interface PostgresMetadata extends MetadataStore {
  list(tenantId: string, filter: { metric?: string }): Promise<Row[]>;
}

export function createMetadataStore(knex: Knex): PostgresMetadata {
  const store: PostgresMetadata = {
    async upsert(rows) {
      await knex('metric_metadata')
        .insert(
          unique(rows).map(({ tenantId, metric, type, help, unit }) => ({
            ...{ tenant_id: tenantId, metric, type, help, unit },
            updated_at: knex.fn.now(),
          })),
        )
        .onConflict(['tenant_id', 'metric'])
        .merge();
    },
    list: (tenantId, { metric }) =>
      knex('metric_metadata')
        .where({ tenant_id: tenantId, ...(metric === undefined ? {} : { metric }) })
        .orderBy('metric')
        .select<Row[]>('metric', 'type', 'help', 'unit'),
  };
  return withUnavailable(acrossTenants(store, 'upsert'));
}

/** One statement cannot update one row twice. */
function unique(rows: readonly MetadataRow[]): MetadataRow[] {
  return [...new Map(rows.map((row) => [`${row.tenantId}\0${row.metric}`, row])).values()];
}
