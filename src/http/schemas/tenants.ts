import { z } from 'zod';
import { maybeText, maybeTime, timeAnswer } from './common.ts';

const count = z.int().min(0);

export const removalAnswer = z.strictObject({
  id: z.string(),
  tenant: z.string(),
  status: z.enum(['waiting', 'running', 'done']),
  step: z.enum(['waiting', 'series', 'files', 'rows', 'proof', 'done']),
  requested_by: z.string(),
  requested_at: timeAnswer,
  series: count.describe('Series that were current at its start.'),
  series_left: count.nullable().describe('Series at the last count; 0 is the proof.'),
  files: count,
  rows: z.record(z.string(), count).describe('Rows that were removed, by table.'),
  error: maybeText.describe('Why the last try did not come to its end.'),
  finished_at: maybeTime,
  verified_at: maybeTime,
});

const counts = {
  samples: count,
  refused_samples: count,
  bytes_written: count.describe('Of bodies as posted.'),
  queries: count.describe('Questions that reached storage.'),
  bytes_read: count.describe("Of storage's answers."),
  active_series: count.describe('The most, at one gateway.'),
  metric_names: count.describe('The most, at one gateway.'),
};

const budget = z.strictObject({
  limit: z.number().nullable(),
  used: z.number(),
  share: z.number().nullable(),
});

export const usageAnswer = z.strictObject({
  tenant: z.string(),
  from: timeAnswer,
  until: timeAnswer,
  total: z.strictObject(counts),
  budgets: z.strictObject({
    samples_per_second: budget.describe('Used: the average of the busiest hour.'),
    active_series: budget,
    metric_names: budget,
  }),
  hours: z.array(z.strictObject({ hour: timeAnswer, ...counts })),
});
