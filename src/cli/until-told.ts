import { isRunByNpm } from '../platform/index.ts';
import { watchNpm } from './ancestors.ts';

/** npm passes on a Ctrl-C that the terminal has sent us already: two at once are one. */
const sameKeypressMs = 500;

export interface Told {
  /** Resolves with the reason at the first SIGINT or SIGTERM, or when the npm that runs us dies. */
  stopping: Promise<string>;
}

/** A second SIGINT ends the process at once; its children follow by their parent-death signal. */
export function untilTold(): Told {
  return {
    stopping: new Promise((resolve) => {
      let firstAt: number | undefined;
      const take = (reason: string): void => {
        if (firstAt === undefined) {
          firstAt = performance.now();
          resolve(reason);
        } else if (reason === 'SIGINT' && performance.now() - firstAt > sameKeypressMs) {
          process.exit(130);
        }
      };
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        process.on(signal, () => take(signal));
      }
      if (isRunByNpm()) watchNpm(() => take('npm is gone'));
    }),
  };
}
