import { describe, expect, it } from 'vitest';
import {
  judgeLabelBytes,
  judgeLabels,
  type JudgeRules,
} from '../../../../src/ingest/judge/judge.ts';
import type { Reason } from '../../../../src/ingest/judge/reason.ts';
import { Writer, writeLabels, type Label } from '../../../../src/wire/index.ts';

const rules: JudgeRules = {
  maxLabels: 4,
  maxNameBytes: 11,
  maxValueBytes: 12,
  reserved: new Set(['tenant', '__replica__']),
  allows: (metric) => metric.startsWith('good'),
  observe: false,
};
const name: Label = ['__name__', 'good'];

function bytesOf(labels: readonly Label[]): Buffer {
  const writer = new Writer();
  writeLabels(writer, labels);
  return writer.finish();
}

describe('judging a series by its labels', () => {
  it.each<[string, Label[], Reason]>([
    ['no metric name', [['job', 'x']], 'missing_name'],
    ['an empty metric name', [['__name__', '']], 'missing_name'],
    ['NUL in the metric name', [['__name__', 'good\0']], 'missing_name'],
    ['no labels', [], 'missing_name'],
    ['an empty label name', [['', 'good'], name], 'invalid_label'],
    ['NUL in a label name', [name, ['a\0', 'x']], 'invalid_label'],
    ['a label name that is too long', [name, ['a'.repeat(12), 'x']], 'label_name_too_long'],
    ['a label name that is too long in bytes', [name, ['ä'.repeat(6), 'x']], 'label_name_too_long'],
    ['a value that is too long', [name, ['a', 'x'.repeat(13)]], 'label_value_too_long'],
    ['a label twice', [name, ['a', '1'], ['a', '2']], 'duplicate_label'],
    ['a label twice with one value', [name, ['a', '1'], ['a', '1']], 'duplicate_label'],
    ['the metric name twice', [name, name], 'duplicate_label'],
    [
      'too many labels',
      [name, ...['a', 'b', 'c', 'd'].map((l): Label => [l, 'x'])],
      'too_many_labels',
    ],
    ['a name that is not whitelisted', [['__name__', 'bad']], 'not_whitelisted'],
    ['a name that only begins like one', [['__name__', 'agood']], 'not_whitelisted'],
  ])('%s: refused', (_, labels, reason) => {
    expect(judgeLabels(labels, rules)).toEqual({ kind: 'refused', reason });
    expect(judgeLabelBytes(bytesOf(labels), rules)).toEqual({ kind: 'refused', reason });
  });

  it.each<[string, Label[]]>([
    ['the limits exactly', [name, ['a'.repeat(11), 'x'.repeat(12)], ['b', '1'], ['c', '1']]],
    ['names of objects in JavaScript', [name, ['__proto__', 'x'], ['toString', 'y']]],
    ['dots, spaces and line breaks', [name, ['a.b c', 'x\ny']]],
    ['order by bytes, not by locale', [['Zone', 'x'], name, ['a', 'x'], ['ä', 'x']]],
    ['order by bytes beyond the basic plane', [name, ['\uffee', 'x'], ['\u{1f600}', 'x']]],
  ])('%s: passes', (_, labels) => {
    expect(judgeLabelBytes(bytesOf(labels), rules)).toEqual({ kind: 'pass' });
  });

  it('removes the reserved labels', () => {
    const labels: Label[] = [name, ['__replica__', 'r'], ['tenant', 'x']];
    const sorted = [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
    expect(judgeLabelBytes(bytesOf(sorted), rules)).toEqual({ kind: 'strip' });
  });

  it('writes anew a reserved label that the kernel would not find: its value first', () => {
    const writer = new Writer();
    writeLabels(writer, [name]);
    writer.message(0x0a, () => {
      writer.text(0x12, 'other');
      writer.text(0x0a, 'tenant');
    });
    expect(judgeLabelBytes(writer.finish(), rules)).toEqual({
      kind: 'rewrite',
      labels: [name],
      observed: false,
    });
  });

  it('sorts labels, removes empty ones and adds the host of the credential', () => {
    const labels: Label[] = [['b', '1'], ['a', ''], name];
    const judgement = judgeLabels(labels, { ...rules, hostId: 'h1' });
    expect(judgement).toEqual({
      kind: 'rewrite',
      labels: [name, ['b', '1'], ['host_id', 'h1']],
      observed: false,
    });
  });

  it('takes the host of the credential and no other', () => {
    const of = (hostId: string): Label[] => [name, ['host_id', hostId]];
    expect(judgeLabels(of('h1'), { ...rules, hostId: 'h1' })).toEqual({ kind: 'pass' });
    expect(judgeLabels(of('h2'), { ...rules, hostId: 'h1' })).toEqual({
      kind: 'refused',
      reason: 'foreign_host',
    });
    expect(judgeLabels(of('h2'), rules)).toEqual({ kind: 'pass' });
  });

  it('lets through in observe mode what the whitelist would refuse, and nothing else', () => {
    const observing = { ...rules, observe: true };
    expect(judgeLabels([['__name__', 'bad']], observing)).toEqual({ kind: 'observed' });
    expect(
      judgeLabels(
        [
          ['__name__', 'bad'],
          ['tenant', 'x'],
        ],
        observing,
      ),
    ).toEqual({
      kind: 'rewrite',
      labels: [['__name__', 'bad']],
      observed: true,
    });
    expect(judgeLabels([['a', 'x']], observing)).toEqual({
      kind: 'refused',
      reason: 'missing_name',
    });
  });

  it.each<[string, number[], Reason]>([
    ['bytes that are no UTF-8', [0x0a, 5, 0x0a, 1, 0xff, 0x12, 0], 'invalid_utf8'],
    ['half a surrogate in UTF-8', [0x0a, 5, 0x0a, 3, 0xed, 0xa0, 0x80], 'invalid_utf8'],
    ['an overlong zero', [0x0a, 4, 0x0a, 2, 0xc0, 0x80], 'invalid_utf8'],
    ['a label with two names', [0x0a, 6, 0x0a, 1, 97, 0x0a, 1, 98], 'invalid_label'],
    ['a label with an unknown field', [0x0a, 3, 0x1a, 1, 97], 'invalid_label'],
    ['a label that ends early', [0x0a, 3, 0x0a, 9, 97], 'invalid_label'],
  ])('%s: refused', (_, bytes, reason) => {
    expect(judgeLabelBytes(Buffer.from(bytes), rules)).toEqual({ kind: 'refused', reason });
  });
});
