import { toIsoText } from './time-text.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof logLevels)[number];

type Line = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

export type Logger = Readonly<Record<LogLevel, Line>>;

/** JSON lines in the shape of PRP §14.2; a logging library would be a tenth of the memory budget. */
export function createLogger(options: {
  level: LogLevel;
  nowMs: () => number;
  write: (line: string) => void;
}): Logger {
  const least = logLevels.indexOf(options.level);
  const line =
    (level: LogLevel): Line =>
    (message, fields) => {
      if (logLevels.indexOf(level) < least) return;
      const timestamp = toIsoText(options.nowMs());
      const record = {
        timestamp,
        level: level.toUpperCase(),
        service: 'gaugeway-agent',
        message,
        ...fields,
      };
      options.write(`${JSON.stringify(record)}\n`);
    };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
