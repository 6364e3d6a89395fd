import { z } from 'zod';

/**
 * What the server may set on an agent; nothing here can run a command or open a path. What is absent is left to the
 * layer below, and last to the agent's own options.
 */
export const settingsSchema = z.strictObject({
  interval_seconds: z.int().min(1).max(300).optional(),
  top_n: z.int().min(0).max(100).optional(),
  mask_process_names: z.boolean().optional(),
  profile: z.enum(['lean', 'core', 'full']).optional(),
  /** Names that an agent does not know are nothing to switch off: versions differ in a fleet. */
  collectors_off: z
    .array(z.string().regex(/^[a-z][a-z0-9_]{0,39}$/))
    .max(64)
    .optional(),
  gpu: z.boolean().optional(),
});

export type AgentSettings = z.output<typeof settingsSchema>;

/** The settings in force for one host. */
export interface AgentConfig {
  /** Opaque; equal versions of one host mean equal settings. */
  version: string;
  settings: AgentSettings;
}

/** Settings as they are kept, with the number that their last change got. */
export interface Layer {
  settings: AgentSettings;
  version: string;
}

/** The tenant's settings with the host's over them. `TENANT.HOST` names both, `0` stands for no layer. */
export function toConfig(tenant: Layer | undefined, host: Layer | undefined): AgentConfig {
  const below = tenant?.version ?? '0';
  return {
    version: host === undefined ? below : `${below}.${host.version}`,
    settings: { ...tenant?.settings, ...host?.settings },
  };
}
