import type { Metadata } from '../../wire/index.ts';

export interface MetadataRow extends Metadata {
  tenantId: string;
}

export interface MetadataStore {
  upsert(rows: readonly MetadataRow[]): Promise<void>;
}

/** Metric metadata on its way to Postgres; what did not change is not written again. */
export interface MetadataKeeper {
  /** False when the tenant has too many metric names already, or the entry has none. */
  keep(tenantId: string, metadata: Metadata): boolean;
  flush(): Promise<void>;
}

/** PRP REQ-BE-SCALE-004. */
const maxMetricsPerTenant = 10_000;
/** Help texts are cut there, as others do. */
const maxTextLength = 1_024;

export function createMetadataKeeper(store: MetadataStore): MetadataKeeper {
  const known = new Map<string, Map<string, Metadata>>();
  let changed = new Map<string, MetadataRow>();
  return {
    keep(tenantId, metadata) {
      if (metadata.metric === '' || metadata.metric.length > maxTextLength) return false;
      const ofTenant = known.get(tenantId) ?? new Map<string, Metadata>();
      known.set(tenantId, ofTenant);
      const before = ofTenant.get(metadata.metric);
      if (!before && ofTenant.size >= maxMetricsPerTenant) return false;
      const help = metadata.help.slice(0, maxTextLength);
      const unit = metadata.unit.slice(0, maxTextLength);
      if (before?.type === metadata.type && before.help === help && before.unit === unit)
        return true;
      const kept = { ...metadata, help, unit };
      ofTenant.set(metadata.metric, kept);
      changed.set(`${tenantId}\0${metadata.metric}`, { ...kept, tenantId });
      return true;
    },
    async flush() {
      if (changed.size === 0) return;
      const flushing = changed;
      changed = new Map();
      try {
        await store.upsert([...flushing.values()]);
      } catch (error) {
        changed = new Map([...flushing, ...changed]);
        throw error;
      }
    },
  };
}
