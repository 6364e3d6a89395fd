import { pino } from 'pino';

type Line = (fields: object, message: string) => void;

/** The part of pino that is used; its own generic type does not survive exactOptionalPropertyTypes. */
interface PinoLike {
  child(bound: object): PinoLike;
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

const redactedPaths = [
  'password',
  'token',
  'key',
  'secret',
  'authorization',
  'cookie',
  '*.password',
  '*.token',
  '*.key',
  '*.secret',
  '*.authorization',
  '*.cookie',
];

/** JSON lines `{timestamp, level, service, message, …}`; fields that name a secret are redacted. */
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
      redact: { paths: redactedPaths, censor: '[redacted]' },
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
  const logger = root.child(bound);
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    child: (service, fields) => wrap(root, { ...bound, ...fields, service }),
  };
}
