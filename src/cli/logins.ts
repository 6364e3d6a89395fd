import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const loginSchema = z.object({
  email: z.string(),
  role: z.string(),
  refreshToken: z.string(),
  accessToken: z.string(),
  accessExpiresAtMs: z.number(),
  /** File of the authority that was given when logging in. */
  caFile: z.string().optional(),
});
const fileSchema = z.object({
  /** The server that is meant where none is named. */
  current: z.string().optional(),
  servers: z.record(z.string(), loginSchema),
});

export type Login = z.infer<typeof loginSchema>;
type Kept = z.infer<typeof fileSchema>;

/** What logins have left: one session for each server, in a file that only its owner can read. */
export interface Logins {
  readonly path: string;
  /** The server that was logged in to last. */
  current(): string | undefined;
  of(url: string): Login | undefined;
  save(url: string, login: Login): void;
  /** Makes it the server that is meant where none is named. */
  choose(url: string): void;
  remove(url: string): void;
  /** Of several commands at once one spends a refresh token, and the others find what it got. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

interface Deps {
  directory: string;
  sleep: (ms: number) => Promise<unknown>;
}

const lockPollMs = 50;
/** Older than any request: who held it was killed. */
const staleLockMs = 60_000;

export function createLogins({ directory, sleep }: Deps): Logins {
  const path = join(directory, 'login.json');
  const lock = `${path}.lock`;

  function read(): Kept {
    try {
      return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    } catch {
      // Not there, or of another version: logging in makes it anew.
      return { servers: {} };
    }
  }

  function write(kept: Kept): void {
    requireOwnDirectory();
    const next = `${path}.${String(process.pid)}`;
    rmSync(next, { force: true });
    writeFileSync(next, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(next, path);
  }

  function requireOwnDirectory(): void {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
  }

  function takeLock(): boolean {
    try {
      writeFileSync(lock, '', { mode: 0o600, flag: 'wx' });
      return true;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      const age = statSync(lock, { throwIfNoEntry: false });
      if (age && Date.now() - age.mtimeMs > staleLockMs) rmSync(lock, { force: true });
      return false;
    }
  }

  return {
    path,
    current: () => read().current,
    of: (url) => read().servers[url],
    save(url, login) {
      const kept = read();
      write({ ...kept, servers: { ...kept.servers, [url]: login } });
    },
    choose: (url) => write({ ...read(), current: url }),
    remove(url) {
      const { current, servers } = read();
      const rest = Object.fromEntries(Object.entries(servers).filter(([other]) => other !== url));
      const next = current === url ? undefined : current;
      write({ ...(next === undefined ? {} : { current: next }), servers: rest });
    },
    async alone(work) {
      requireOwnDirectory();
      while (!takeLock()) await sleep(lockPollMs);
      try {
        return await work();
      } finally {
        rmSync(lock, { force: true });
      }
    },
  };
}
