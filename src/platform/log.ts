import { pino } from 'pino';

type Line = (fields: object, message: string) => void;

/** The part of pino that is used; its own generic type does not survive exactOptionalPropertyTypes. */
interface PinoLike {
  child(bound: object): PinoLike;
  isLevelEnabled(level: LogLevel): boolean;
  debug: Line;
  info: Line;
  warn: Line;
  error: Line;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFields = Readonly<Record<string, unknown>>;

/** Message first and constant, facts as fields; the shape is PRP §14.2. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same logger with another `service` (a room's name) and fields bound to each line. */
  child(service: string, fields?: LogFields): Logger;
}

export interface LoggerOptions {
  service: string;
  level?: LogLevel;
  /** Receives whole lines; standard error when absent, so that standard output stays for people. */
  write?: (line: string) => void;
}

/** What every line has; a field of such a name would be a second one. */
const ownNames: ReadonlySet<string> = new Set(['timestamp', 'level', 'service', 'message']);
/** The last word of a field's name decides: `api_key` is one, `key_id` is none. */
const secretName = /(?:^|_)(?:password|passwd|token|key|secret|authorization|cookie|credentials?)$/;
/** Password in an address: `postgres://user:password@host`. */
const inAddress = /(:\/\/[^/\s:@]*):[^@\s/]+@/g;
const deepest = 4;

/**
 * JSON lines `{timestamp, level, service, message, …}` (PRP §14.2). Fields are written in snake_case, as the API writes
 * its own; those that name a secret are redacted, and passwords in addresses.
 */
export function createLogger(options: LoggerOptions): Logger {
  const destination = options.write
    ? { write: options.write }
    : pino.destination({ dest: 2, sync: false, minLength: 0 });
  const root = pino(
    {
      level: options.level ?? 'info',
      base: null,
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
    },
    destination,
  );
  return wrap(root, { service: options.service });
}

/** A logger that says nothing, for tests and for tools whose output is for people. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

function wrap(root: PinoLike, bound: LogFields): Logger {
  const { service, ...fields } = bound;
  const logger = root.child({ service, ...written(fields) });
  const line =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (logger.isLevelEnabled(level)) logger[level](written(fields), message);
    };
  return {
    ...{ debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    child: (service, fields) => wrap(root, { ...bound, ...fields, service }),
  };
}

function written(fields: LogFields = {}, depth = 1): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const unique = depth === 1 && ownNames.has(snake) ? `${snake}_` : snake;
    line[unique] =
      secretName.test(snake) && value !== undefined ? '[redacted]' : plain(value, depth);
  }
  return line;
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.replace(inAddress, '$1:[redacted]@');
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= deepest) return '[deep]';
  if (value instanceof Error) return plain(value.stack ?? value.message, depth);
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  return written(value as LogFields, depth + 1);
}
