import type { Answer } from '../ruler/index.ts';

/** Port: a storage in which each test group has a part of its own. */
export interface TestStorage {
  /** At a moment, milliseconds since the epoch. */
  ask(scope: string, expression: string, atMs: number): Promise<Answer>;
  /** A remote-write 1.0 request, not compressed; readable when this comes back. */
  write(scope: string, request: Buffer): Promise<void>;
}
