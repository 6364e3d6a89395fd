import { describe, expect, it } from 'vitest';
import { compileSilences, type Silence, type SilenceMatcher } from '../../../src/alerts/index.ts';

const silence = (id: string, ...matchers: SilenceMatcher[]): Silence => ({
  ...{ id, kind: 'silence', matchers, startsAtMs: 1_000, endsAtMs: 2_000 },
  ...{ createdBy: 'anna@example.com', comment: 'disk is being changed', updatedAtMs: 0 },
});
const matcher = (name: string, op: '=' | '!=' | '=~' | '!~', value: string): SilenceMatcher => ({
  ...{ name, value, isRegex: op.endsWith('~'), isEqual: op.startsWith('=') },
});
const labels = new Map([
  ['alertname', 'CpuHot'],
  ['host_id', 'web-1'],
]);

describe('compileSilences', () => {
  it.each([
    ['=', 'host_id', 'web-1', true],
    ['=', 'host_id', 'web', false],
    ['!=', 'host_id', 'web-2', true],
    ['!=', 'host_id', 'web-1', false],
    ['=~', 'host_id', 'web-.*', true],
    ['=~', 'host_id', 'eb-1', false],
    ['=~', 'host_id', 'x|web-1', true],
    ['!~', 'host_id', 'db-.*', true],
    ['!~', 'host_id', 'web-.*', false],
    ['=', 'absent', '', true],
    ['=~', 'absent', '.+', false],
  ] as const)('has %s of %s and "%s" hold: %s', (op, name, value, holds) => {
    const held = compileSilences([silence('s', matcher(name, op, value))])(labels, 1_500);
    expect(held).toEqual(holds ? ['s'] : []);
  });

  it('wants all matchers of one, and names each silence that holds', () => {
    const cpu = matcher('alertname', '=', 'CpuHot');
    const test = compileSilences([
      silence('both', cpu, matcher('host_id', '=', 'web-1')),
      silence('half', cpu, matcher('host_id', '=', 'db-1')),
      silence('one', cpu),
    ]);
    expect(test(labels, 1_500)).toEqual(['both', 'one']);
  });

  it('holds from its start until before its end', () => {
    const test = compileSilences([silence('s', matcher('alertname', '=', 'CpuHot'))]);
    expect([999, 1_000, 1_999, 2_000].map((at) => test(labels, at).length)).toEqual([0, 1, 1, 0]);
  });
});
