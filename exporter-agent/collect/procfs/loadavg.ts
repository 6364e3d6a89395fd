import { ProcParseError, fields, numbers } from './text.ts';

export interface LoadAverage {
  load1: number;
  load5: number;
  load15: number;
}

/** /proc/loadavg: `0.20 0.18 0.12 1/80 11206`. */
export function parseLoadavg(text: string): LoadAverage {
  const values = numbers(fields(text).slice(0, 3));
  const [load1, load5, load15] = values ?? [];
  if (load1 === undefined || load5 === undefined || load15 === undefined) {
    throw new ProcParseError('loadavg: three numbers expected');
  }
  return { load1, load5, load15 };
}
