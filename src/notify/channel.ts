import type { Message } from './message.ts';
import type { Target } from './target.ts';

/** What one try to send came to. `answer`: its beginning, for people; it holds no secret of ours. */
export type SendOutcome =
  | { kind: 'sent'; status?: number; answer?: string }
  /** Another try may do. `waitMs`: what the receiver asked for, which costs no attempt. */
  | { kind: 'retry'; status?: number; answer?: string; waitMs?: number }
  | { kind: 'dead'; status?: number; answer?: string };

export type Send = (target: Target, message: Message) => Promise<SendOutcome>;
