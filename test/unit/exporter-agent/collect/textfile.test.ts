import { describe, expect, it } from 'vitest';
import type { Tick } from '../../../../exporter-agent/collect/collector.ts';
import { parseExposition } from '../../../../exporter-agent/collect/procfs/exposition.ts';
import { createTextfileCollector } from '../../../../exporter-agent/collect/textfile.ts';

const tick: Tick = { wallMs: 0, monotonicMs: 0, intervalMs: 5_000, bootId: 'b' };

interface File {
  text: string;
  changedMs: number;
  bytes?: number;
}

function setUp(files: Map<string, File>) {
  let reads = 0;
  const collector = createTextfileCollector({
    list: () =>
      [...files].map(([name, { text, changedMs, bytes = text.length }]) => ({
        name,
        changedMs,
        bytes,
      })),
    read: (name) => {
      reads += 1;
      return files.get(name)!.text;
    },
  });
  const collect = () => {
    const told: string[] = [];
    collector.collect(tick, (name, value, labels = []) =>
      told.push(`${name}${labels.map(([key, text]) => `{${key}=${text}}`).join('')} ${value}`),
    );
    return told;
  };
  return { collect, reads: () => reads };
}

describe('the directory of text files', () => {
  it('is told sample by sample, with the time each file was changed', () => {
    const { collect } = setUp(
      new Map([['backup.prom', { text: '# HELP x y\nbackup_ok{host="a"} 1\n', changedMs: 2_000 }]]),
    );
    expect(collect()).toEqual([
      'node_textfile_scrape_error 0',
      'node_textfile_mtime_seconds{file=backup.prom} 2',
      'backup_ok{host=a} 1',
    ]);
  });

  it('is read again only when a file has changed', () => {
    const files = new Map([['a.prom', { text: 'a 1\n', changedMs: 1 }]]);
    const { collect, reads } = setUp(files);
    collect();
    collect();
    expect(reads()).toBe(1);
    files.set('a.prom', { text: 'a 2\n', changedMs: 2 });
    expect(collect()).toContain('a 2');
    expect(reads()).toBe(2);
  });

  it.each([
    ['no sample', { text: 'a 1\nhalf a li', changedMs: 1 }],
    ['a timestamp', { text: 'a 1 1700000000000\n', changedMs: 1 }],
    ['too many bytes', { text: 'a 1\n', changedMs: 1, bytes: 2 ** 21 }],
    ['too many samples', { text: 'a 1\n'.repeat(2_001), changedMs: 1 }],
  ])('shows an error for a file with %s and tells the others', (_what, broken) => {
    const { collect } = setUp(
      new Map<string, File>([
        ['broken.prom', broken],
        ['fine.prom', { text: 'fine 1\n', changedMs: 1 }],
      ]),
    );
    const told = collect();
    expect(told).toContain('node_textfile_scrape_error 1');
    expect(told).toContain('fine 1');
    expect(told).not.toContain('a 1');
  });

  it('shows an error when it cannot be listed', () => {
    const collector = createTextfileCollector({
      list: () => {
        throw new Error('gone');
      },
      read: () => '',
    });
    const told: unknown[] = [];
    collector.collect(tick, (name, value) => told.push([name, value]));
    expect(told).toEqual([['node_textfile_scrape_error', 1]]);
  });
});

describe('exposition text', () => {
  it.each([
    ['a 1', 'a', [], 1],
    ['a{} 1.5e3', 'a', [], 1500],
    ['a{b="c"} -Inf', 'a', [['b', 'c']], -Infinity],
    ['a{b="c",} +Inf', 'a', [['b', 'c']], Infinity],
    [
      'a{b="x } y",c="q\\"\\\\\\n"} 2',
      'a',
      [
        ['b', 'x } y'],
        ['c', 'q"\\\n'],
      ],
      2,
    ],
  ])('reads %j', (line, name, labels, value) => {
    expect(parseExposition(`${line}\n`)).toEqual([{ name, labels, value }]);
  });

  it.each(['a', 'a b', 'a{b=c} 1', 'a{b="c"', '1a 1', 'a{b="c" d="e"} 1'])('refuses %j', (line) => {
    expect(() => parseExposition(line)).toThrow();
  });
});
