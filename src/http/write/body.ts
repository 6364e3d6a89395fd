import type { IncomingMessage } from 'node:http';
import type { Ticket } from '../../ingest/index.ts';

export type BodyOutcome =
  { kind: 'body'; chunks: Buffer[] } | { kind: 'too_large' | 'overloaded' | 'aborted' };

/** Reads a body of at most `maxBytes`; bytes beyond the declared ones are asked for at admission. */
export function readBody(
  req: IncomingMessage,
  maxBytes: number,
  declared: number,
  ticket: Ticket,
): Promise<BodyOutcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let counted = declared;
    const finish = (outcome: BodyOutcome): void => {
      req.off('data', onData);
      req.off('end', onEnd);
      req.off('close', onClose);
      resolve(outcome);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) {
        finish({ kind: 'too_large' });
        return;
      }
      if (size > counted) {
        if (!ticket.grow(size - counted)) {
          finish({ kind: 'overloaded' });
          return;
        }
        counted = size;
      }
      chunks.push(chunk);
    };
    const onEnd = (): void => finish({ kind: 'body', chunks });
    const onClose = (): void => finish({ kind: 'aborted' });
    req.on('data', onData);
    req.on('end', onEnd);
    req.on('close', onClose);
  });
}
