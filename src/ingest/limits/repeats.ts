import type { IngestOutcome } from '../outcome.ts';

/** Keyed digest of a body, from the kernel. */
export interface BodyDigest {
  key: number;
  check: number;
}

/** Recognises a body that was accepted already, or is being handled at this moment. */
export interface Repeats {
  find(digest: BodyDigest): IngestOutcome | Promise<IngestOutcome> | undefined;
  remember(digest: BodyDigest, outcome: IngestOutcome | Promise<IngestOutcome>): void;
  forget(digest: BodyDigest): void;
  readonly size: number;
}

interface Entry {
  check: number;
  outcome: IngestOutcome | Promise<IngestOutcome>;
}

/** Two generations of at most `perGeneration` bodies each: the older one is dropped whole when the newer is full. */
export function createRepeats(perGeneration: number): Repeats {
  let newer = new Map<number, Entry>();
  let older = new Map<number, Entry>();
  const lookup = ({ key, check }: BodyDigest): Entry | undefined => {
    const entry = newer.get(key) ?? older.get(key);
    return entry?.check === check ? entry : undefined;
  };
  return {
    get size() {
      return newer.size + older.size;
    },
    find: (digest) => lookup(digest)?.outcome,
    remember({ key, check }, outcome) {
      if (newer.size >= perGeneration) {
        older = newer;
        newer = new Map();
      }
      newer.set(key, { check, outcome });
    },
    forget({ key }) {
      newer.delete(key);
      older.delete(key);
    },
  };
}
