/** Why something was refused or a connection ended; the words are public API. */
export type LiveReason =
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'BAD_REQUEST'
  | 'TOO_MANY_CLIENTS'
  | 'TOO_MANY_ROOMS'
  | 'TOO_FAST'
  | 'UNAVAILABLE'
  | 'SLOW'
  | 'SHUTTING_DOWN';

/** What socket.io hands to the client's `connect_error`. */
export class LiveRefusal extends Error {
  readonly data: { code: LiveReason; reason?: string };

  constructor(code: LiveReason, message: string, reason?: string) {
    super(message);
    this.data = { code, ...(reason === undefined ? {} : { reason }) };
  }
}
