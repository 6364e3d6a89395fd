import { z } from 'zod';
import { parseHostsCsv, type Inventory } from '../../hosts/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { actorOf, principalOf, queryOf, textOf } from '../parse.ts';
import type { Route } from '../route.ts';
import { hostFactsAnswer, toHostFacts } from './host-json.ts';

const importQuery = z.strictObject({
  dry_run: z.enum(['true', 'false']).default('false').describe('Say what would change only.'),
  on_error: z
    .enum(['abort', 'skip'])
    .default('abort')
    .describe('With a bad row: nothing is applied, or the others are.'),
});

const reasons = z.enum([
  'wrong_columns',
  'missing_hostname',
  'bad_hostname',
  'bad_id',
  'bad_ip',
  'bad_tag',
  'duplicate_id',
  'too_many_hosts',
]);
const importAnswer = z.strictObject({
  dry_run: z.boolean(),
  applied: z.boolean(),
  created: z.int(),
  changed: z.int(),
  unchanged: z.int(),
  rejected: z.array(z.strictObject({ line: z.int(), reason: reasons, message: z.string() })),
  changes: z.array(
    z.strictObject({
      line: z.int(),
      id: z.string(),
      action: z.enum(['create', 'change']),
      before: hostFactsAnswer.nullable(),
      after: hostFactsAnswer,
    }),
  ),
});

/** Hosts from a CSV file (PRP REQ-HOST-003): looked at first, then applied. */
export function hostImportRoutes({ inventory }: { inventory: Inventory }): Route[] {
  return [
    {
      ...{ method: 'POST', needs: 'admin', errors: 'envelope', path: '/api/v1/hosts/import' },
      summary: 'Add and change hosts from a CSV file',
      takes: 'csv',
      spec: { tag: 'Hosts', query: importQuery, answers: { 200: importAnswer } },
      async handle(call) {
        const asked = queryOf(call.req, importQuery);
        const parsed = parseHostsCsv(textOf(call.req));
        const dryRun = asked.dry_run === 'true';
        const wanted = { ...parsed, dryRun, onError: asked.on_error };
        const plan = await inventory.import(principalOf(call).tenantId, wanted, actorOf(call));
        if (!dryRun && !plan.isDone) {
          throw new GaugewayError('BAD_REQUEST', 'nothing was applied: the file has bad rows', {
            details: { rejected: plan.rejected },
          });
        }
        const count = (action: string): number =>
          plan.changes.filter((change) => change.action === action).length;
        const answer: z.input<typeof importAnswer> = {
          ...{ dry_run: dryRun, applied: plan.isDone },
          ...{ created: count('create'), changed: count('change'), unchanged: plan.unchanged },
          rejected: [...plan.rejected],
          changes: plan.changes.map(({ line, action, before, after }) => ({
            ...{ line, id: after.id, action },
            ...{ before: before ? toHostFacts(before) : null, after: toHostFacts(after) },
          })),
        };
        call.res.json(answer);
      },
    },
  ];
}
