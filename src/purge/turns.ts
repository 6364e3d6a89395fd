/** Something that is done again and again, in this process. */
export interface Turns {
  start(): void;
  /** Waits for the turn that runs. */
  stop(): Promise<void>;
}

/** One turn at once and then every so often after its end; `work` never rejects. */
export function createTurns(
  work: (isStopping: () => boolean) => Promise<void>,
  everyMs: number,
): Turns {
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;
  let working: Promise<void> = Promise.resolve();

  function next(waitMs: number): void {
    timer = setTimeout(() => {
      working = work(() => isStopping).finally(() => {
        if (!isStopping) next(everyMs);
      });
    }, waitMs).unref();
  }

  return {
    start: () => next(0),
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      await working;
    },
  };
}
