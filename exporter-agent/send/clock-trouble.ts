/** What the server takes at most from the future (contract "Write"); so far back it still takes everything. */
const limitMs = 5 * 60_000;

/**
 * For the heartbeat's `last_error`: a clock so wrong that samples are refused or lie where nobody looks. In whole
 * minutes, so that it is the same text from beat to beat. Undefined while it is right or not known.
 *
 * @param offsetMs server minus host.
 */
export function clockTrouble(offsetMs: number | undefined): string | undefined {
  if (offsetMs === undefined || Math.abs(offsetMs) <= limitMs) return undefined;
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const side = offsetMs < 0 ? 'ahead of' : 'behind';
  return `the clock of this host is ${minutes} min ${side} the server's: samples may be refused`;
}
