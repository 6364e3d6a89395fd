import type { Knex } from 'knex';
import type { Mark } from '../../retention/index.ts';
import { toMs } from './rows.ts';
import { withUnavailable } from './unavailable.ts';

/** Until where each tier of each tenant is filled, for those who read. */
export function createDownsampleMarks(knex: Knex): { all(): Promise<readonly Mark[]> } {
  return withUnavailable({
    async all() {
      const rows = await knex('downsample_marks').select<
        { tenant_id: string; tier: Mark['tier']; done_until: Date }[]
      >('tenant_id', 'tier', 'done_until');
      return rows.map(({ tenant_id: tenantId, tier, done_until: doneUntil }) => ({
        ...{ tenantId, tier, doneUntilMs: toMs(doneUntil) },
      }));
    },
  });
}
