/** So far from the server's a clock is an error that people should mend (the server takes five minutes from the future). */
const limitMs = 5 * 60_000;

/**
 * For the heartbeat's `last_error`: a clock so wrong that samples would be refused or lie where nobody looks. In whole
 * minutes, so that it is the same text from beat to beat. Undefined while it is right or not known.
 *
 * @param offsetMs server minus host.
 */
export function clockTrouble(offsetMs: number | undefined): string | undefined {
  if (offsetMs === undefined || Math.abs(offsetMs) <= limitMs) return undefined;
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const side = offsetMs < 0 ? 'ahead of' : 'behind';
  return `the clock of this host is ${minutes} min ${side} the server's: samples carry the server's time`;
}
