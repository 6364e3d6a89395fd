import { describe, expect, it } from 'vitest';
import { parseTagFilter, tagsSchema } from '../../../src/hosts/index.ts';

describe('tags', () => {
  it('are filtered by name:value pairs, a value may have colons', () => {
    expect(parseTagFilter('role:web,zone:us-west')).toEqual({ role: 'web', zone: 'us-west' });
    expect(parseTagFilter('url:http://x')).toEqual({ url: 'http://x' });
  });

  it.each(['', 'role', ':web', 'role:', 'a:1,a:2', 'a:1,,b:2'])('refuse the filter %j', (text) => {
    expect(() => parseTagFilter(text)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }));
  });

  it('may be called gpu as the PRP has it, and never as a label that keeps series apart', () => {
    expect(tagsSchema.safeParse({ gpu: 'true', role: 'web' }).success).toBe(true);
    for (const name of ['tenant', 'host_id', 'device', 'mountpoint', 'uuid', 'le', '__x', 'a-b']) {
      expect([name, tagsSchema.safeParse({ [name]: 'x' }).success]).toEqual([name, false]);
    }
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`t${i}`, 'x']));
    expect(tagsSchema.safeParse(many).success).toBe(false);
  });
});
