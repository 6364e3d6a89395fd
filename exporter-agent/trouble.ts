import type { Logger } from './log.ts';

/** What went wrong last: logged when it is new, told by the heartbeat until the server has heard it. */
export interface Trouble {
  last: () => string | null;
  /** `what` fails, as in "sending fails". */
  met: (what: string, message: string) => void;
  told: (message: string | null) => void;
}

export function createTrouble(log: Logger): Trouble {
  let last: string | null = null;
  return {
    last: () => last,
    met(what, message) {
      if (message !== last) log.warn(what, { error: message });
      last = message;
    },
    told(message) {
      if (last === message) last = null;
    },
  };
}
