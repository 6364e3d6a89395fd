import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseProcessStat } from '../../../../../exporter-agent/collect/process/stat.ts';

const line = (comm: string, fields: { flags?: number; utime?: number; stime?: number } = {}) =>
  `1234 (${comm}) S 1 1234 1234 0 -1 ${fields.flags ?? 4194560} 9 8 7 6 ${fields.utime ?? 150} ` +
  `${fields.stime ?? 50} 0 0 20 0 3 0 987654 104857600 2560 18446744073709551615 1 1 0 0 0 0 0\n`;

it('reads time, start and memory', () => {
  expect(parseProcessStat(line('nginx'))).toEqual({
    comm: 'nginx',
    isKernelThread: false,
    cpuTicks: 200,
    startTicks: 987_654,
    rssPages: 2_560,
  });
});

it('finds the end of a command that looks like the end of one', () => {
  for (const comm of ['a) S 1 2 (b', '((', '))', 'tmux: server', ' ', '(sd-pam)', ') R 1 1']) {
    expect(parseProcessStat(line(comm))).toMatchObject({ comm, cpuTicks: 200 });
  }
  const anyComm = fc.string({ maxLength: 15, unit: 'binary-ascii' });
  fc.assert(fc.property(anyComm, (comm) => parseProcessStat(line(comm))?.comm === comm));
});

it('tells a kernel thread by its flag', () => {
  expect(parseProcessStat(line('kworker/0:1', { flags: 0x0420_8060 }))?.isKernelThread).toBe(true);
});

it('refuses a line that is not whole', () => {
  const whole = line('nginx').trimEnd();
  const rss = whole.indexOf(' 2560 ') + 1;
  for (let length = 0; length < rss; length += 1) {
    expect(parseProcessStat(whole.slice(0, length))).toBeUndefined();
  }
});
