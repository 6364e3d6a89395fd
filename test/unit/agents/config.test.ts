import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../../src/agents/index.ts';
import { toConfig } from '../../../src/agents/config.ts';

describe('the configuration of a host', () => {
  const tenant = { version: '6', settings: { interval_seconds: 10, top_n: 5 } };
  const host = { version: '7', settings: { top_n: 3, gpu: false } };

  it("is the tenant's with the host's over it", () => {
    const settings = { interval_seconds: 10, top_n: 3, gpu: false };
    expect(toConfig(tenant, host)).toEqual({ version: '6.7', settings });
  });

  it('has a version for every pair of layers, also where there are none', () => {
    const versions = [
      toConfig(undefined, undefined),
      toConfig(tenant, undefined),
      toConfig(undefined, host),
      toConfig(tenant, host),
    ].map(({ version }) => version);
    expect(versions).toEqual(['0', '6', '0.7', '6.7']);
  });

  it.each([
    { interval_seconds: 0 },
    { interval_seconds: 301 },
    { interval_seconds: 1.5 },
    { top_n: 101 },
    { mask_process_names: 'yes' },
    { profile: 'most' },
    { collectors_off: ['../x'] },
    { gpu: 1 },
    { command: 'sh' },
  ])('refuses %o', (settings) => {
    expect(settingsSchema.safeParse(settings).success).toBe(false);
  });
});
