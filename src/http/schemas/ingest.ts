import { z } from 'zod';
import { settingsAnswer } from './agents.ts';
import { maybeText, timeAnswer } from './common.ts';

/** PRP §8.7; a batch with refused metrics is 400 with the same counts and the reasons. */
export const acceptedAnswer = z.strictObject({ accepted: z.int(), rejected: z.int() });
export const heartbeatAnswer = z.strictObject({
  server_time_ms: z.number(),
  config: settingsAnswer,
});
export const rejectionsAnswer = z.strictObject({
  rejections: z.array(
    z.strictObject({
      reason: z.string(),
      series: maybeText,
      sender: z.unknown(),
      samples: z.number(),
      first_at: timeAnswer,
      last_at: timeAnswer,
    }),
  ),
  total: z.int(),
  limit: z.int(),
  offset: z.int(),
});
export const leadersAnswer = z.strictObject({
  leaders: z.array(
    z.strictObject({
      cluster: z.string(),
      replica: z.string(),
      elected_at: timeAnswer,
      received_at: timeAnswer,
    }),
  ),
  total: z.int(),
});
