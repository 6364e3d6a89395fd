import { randomBytes } from 'node:crypto';
import { compare, hash } from 'bcrypt';
import { GaugewayError } from '../platform/index.ts';

export interface Passwords {
  /** Throws BAD_REQUEST for a password that is too short, longer than bcrypt reads, or its owner's e-mail. */
  hash(password: string, email?: string): Promise<string>;
  /** Costs the same for an account that does not exist (`undefined`). */
  matches(password: string, hashed: string | undefined): Promise<boolean>;
}

export interface PasswordOptions {
  /** bcrypt's cost; 10 by PRP REQ-BE-SEC-AUTH-001, some 57 ms of one core. */
  cost: number;
  /** Hashes at once: the thread pool and two cores are shared with the write path. */
  concurrency: number;
  /** Hashes that may wait; more are refused. */
  maxWaiting: number;
}

export const defaultPasswordOptions: PasswordOptions = { cost: 10, concurrency: 1, maxWaiting: 50 };

const minLength = 12;
/** bcrypt ignores what comes after, so that two long passwords with one beginning would be the same. */
const maxBytes = 72;

export function createPasswords(options: PasswordOptions = defaultPasswordOptions): Passwords {
  const limited = createGate(options.concurrency, options.maxWaiting);
  let decoy: Promise<string> | undefined;
  return {
    async hash(password, email) {
      judge(password, email);
      return limited(() => hash(password, options.cost));
    },
    async matches(password, hashed) {
      decoy ??= hash(randomBytes(32).toString('base64'), options.cost);
      const against = hashed ?? (await decoy);
      const isEqual = await limited(() => compare(password, against));
      return isEqual && hashed !== undefined && Buffer.byteLength(password) <= maxBytes;
    },
  };
}

/** 18 random bytes as text: for the first administrator. */
export function generatePassword(): string {
  return randomBytes(18).toString('base64url');
}

function judge(password: string, email: string | undefined): void {
  if (password.length < minLength) {
    throw new GaugewayError('BAD_REQUEST', `a password needs at least ${minLength} characters`);
  }
  if (Buffer.byteLength(password) > maxBytes) {
    throw new GaugewayError('BAD_REQUEST', `a password may have at most ${maxBytes} bytes`);
  }
  if (password.toLowerCase() === email?.trim().toLowerCase()) {
    throw new GaugewayError('BAD_REQUEST', 'a password must not be the e-mail address');
  }
}

/** Runs at most `concurrency` at once, in order. */
function createGate(concurrency: number, maxWaiting: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= concurrency) {
      if (waiting.length >= maxWaiting) {
        throw new GaugewayError('UNAVAILABLE', 'too many logins at once', { retryAfterSeconds: 1 });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // The next one takes over this one's place; only an idle place is given back.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
