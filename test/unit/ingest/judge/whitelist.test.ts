import { describe, expect, it } from 'vitest';
import { createWhitelist, toWhitelistDocument } from '../../../../src/ingest/index.ts';

const allows = (pattern: string, metric: string) =>
  createWhitelist({ version: 1, patterns: [pattern] }).allows(metric);

describe('the whitelist', () => {
  it('lets exact names and what is always allowed pass, and nothing else', () => {
    const whitelist = createWhitelist({ version: 1, exact: ['up'] }, ['cpu_utilization']);
    expect(['up', 'cpu_utilization', 'up2', 'Up', ''].map((m) => whitelist.allows(m))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it.each<[string, string, boolean]>([
    ['node_.*', 'node_cpu', true],
    ['node_.*', 'a_node_cpu', false],
    ['node_.+', 'node_', false],
    ['node_(cpu|disk)_total', 'node_disk_total', true],
    ['node_(cpu|disk)_total', 'node_net_total', false],
    ['a|b', 'ab', false],
    ['a|b', 'b', true],
    ['go_[a-z]+', 'go_gc', true],
    ['go_[a-z]+', 'go_GC', false],
    ['dotted\\.name', 'dotted.name', true],
    ['dotted\\.name', 'dotted_name', false],
  ])('%s and %s: %s', (pattern, metric, expected) => {
    expect(allows(pattern, metric)).toBe(expected);
  });

  it.each([
    '(a+)+',
    '(.*)*x',
    'a{1,9}',
    '(?=a)',
    '(?:a)',
    '\\1',
    '[^a',
    '^up$',
    '.*.*.*',
    'x'.repeat(201),
  ])('refuses the pattern %s, which could hold the gateway up or is not understood', (pattern) => {
    expect(() => createWhitelist({ version: 1, patterns: [pattern] })).toThrow(
      'not one of the supported forms',
    );
  });

  it.each<[unknown, string]>([
    [undefined, 'a mapping is expected'],
    ['up', 'a mapping is expected'],
    [{ version: 2 }, 'version must be 1'],
    [{ version: 1, exact: 'up' }, 'exact must be a list of strings'],
    [{ version: 1, patterns: [1] }, 'patterns must be a list of strings'],
    [{ version: 1, allow: [] }, 'unknown key "allow"'],
  ])('refuses the document %j', (document, message) => {
    expect(() => toWhitelistDocument(document)).toThrow(message);
  });

  it('reads a document with empty lists', () => {
    expect(toWhitelistDocument({ version: 1, exact: null })).toEqual({
      version: 1,
      exact: [],
      patterns: [],
    });
  });
});
