import { ProcParseError } from './text.ts';

/** /proc/net/sockstat: the number after `sockets: used`. */
export function parseSockstat(text: string): { used: number } {
  const used = /^sockets: used (\d+)\n/m.exec(text)?.[1];
  if (used === undefined) throw new ProcParseError('sockstat: no whole line "sockets: used"');
  return { used: Number(used) };
}
