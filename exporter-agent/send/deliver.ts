import { describe, isTooLarge, judge, type Answer } from './answer.ts';
import type { Backoff } from './backoff.ts';
import { splitBody } from './split.ts';

/** Why the sender gave up a batch (the buffer has its own reasons). */
export type SendDropReason = 'refused' | 'too_large';

interface DeliverDeps {
  post: (body: Uint8Array, timeoutMs: number) => Promise<Answer>;
  backoff: Backoff;
  onSent: () => void;
  onDrop: (reason: SendDropReason) => void;
  onTrouble: (message: string) => void;
}

interface Delivery {
  /** The server takes requests, whatever it thought of this one. */
  reachable: boolean;
  /** Bodies to be sent again later: the batch, or parts of it. */
  kept: Uint8Array[];
}

export type Deliver = (body: Uint8Array, timeoutMs: number) => Promise<Delivery>;

/** After so many requests for one batch none is cut any more: who refuses whatever it gets is not asked for each series. */
const mostPostsPerBatch = 64;

interface Attempt {
  timeoutMs: number;
  postsLeft: number;
}

/** One body to the server, in halves where it is too large; keeps count and minds the backoff. */
export function createDeliver(deps: DeliverDeps): Deliver {
  async function deliver(body: Uint8Array, attempt: Attempt): Promise<Delivery> {
    attempt.postsLeft -= 1;
    const answer = await deps.post(body, attempt.timeoutMs);
    const verdict = judge(answer);
    if (verdict === 'keep') {
      deps.backoff.failed(answer.kind === 'answered' ? answer.retryAfterMs : undefined);
      deps.onTrouble(describe(answer));
      return { reachable: false, kept: [body] };
    }
    deps.backoff.succeeded();
    if (verdict !== 'done') deps.onTrouble(describe(answer));
    if (verdict === 'split') return deliverHalves(body, attempt, answer);
    if (verdict === 'refuse') deps.onDrop('refused');
    else deps.onSent();
    return { reachable: true, kept: [] };
  }

  async function deliverHalves(
    body: Uint8Array,
    attempt: Attempt,
    answer: Answer,
  ): Promise<Delivery> {
    const halves = attempt.postsLeft > 0 ? splitBody(body) : undefined;
    if (halves === undefined) {
      deps.onDrop(isTooLarge(answer) ? 'too_large' : 'refused');
      return { reachable: true, kept: [] };
    }
    const first = await deliver(halves[0], attempt);
    if (!first.reachable) return { reachable: false, kept: [...first.kept, halves[1]] };
    const second = await deliver(halves[1], attempt);
    return { reachable: second.reachable, kept: [...first.kept, ...second.kept] };
  }

  return (body, timeoutMs) => deliver(body, { timeoutMs, postsLeft: mostPostsPerBatch });
}
