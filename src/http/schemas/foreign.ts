import { z } from 'zod';
import type { MediaAnswer } from '../route.ts';

/** Prometheus's answers are Prometheus's: their shapes are told in its own documentation. */
export const prometheusAnswer = z.looseObject({
  status: z.literal('success'),
  data: z.unknown(),
  warnings: z.array(z.string()).optional(),
});

/** As are Alertmanager's. */
export const alertmanagerAnswer = z.unknown();

export const textAnswer = (media: string, description: string): MediaAnswer => ({
  ...{ media, description },
});
