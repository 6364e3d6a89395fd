import { CommandError } from '../exit.ts';
import { messageOf } from '../../platform/index.ts';

/** `warning` works for now; with `failed` something does not. */
export type State = 'ok' | 'warning' | 'failed';

export interface Finding {
  /** For programs; never renamed. */
  id: string;
  what: string;
  state: State;
  detail: string;
  /** What to do about it; null where there is nothing to do. */
  hint: string | null;
}

export interface Seen {
  state?: State;
  detail: string;
  hint?: string;
}

/** One thing that is looked at; an error is what is wrong with it. */
export async function look(
  id: string,
  what: string,
  see: () => Seen | string | Promise<Seen | string>,
  hint?: string,
): Promise<Finding> {
  try {
    const seen = await see();
    const { state = 'ok', ...rest } = typeof seen === 'string' ? { detail: seen } : seen;
    return { id, what, state, detail: rest.detail, hint: rest.hint ?? null };
  } catch (error) {
    const better = error instanceof CommandError ? error.hint : undefined;
    return { id, what, state: 'failed', detail: messageOf(error), hint: better ?? hint ?? null };
  }
}
