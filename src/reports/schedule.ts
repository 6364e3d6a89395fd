import { Cron } from 'croner';
import { GaugewayError } from '../platform/index.ts';

export type ReportFormat = 'pdf' | 'csv' | 'both';

/** What a report is about and for whom. */
export interface ReportWish {
  name: string;
  /** Hosts that have all of these; all hosts where there are none. */
  tags: Readonly<Record<string, string>>;
  /** IANA name; days and weeks are of this zone. */
  timeZone: string;
  format: ReportFormat;
  /** E-mail addresses; none: the files can be fetched only. */
  recipients: readonly string[];
}

export interface ReportSchedule extends ReportWish {
  id: string;
  tenantId: string;
  /** 0 is Sunday. */
  weekday: number;
  /** `HH:MM` in the zone. */
  at: string;
  isEnabled: boolean;
  createdAtMs: number;
  nextRunAtMs: number;
}

const atPattern = /^([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * The first time after `afterMs` that is this weekday and time in the zone. A time that a change to summer time leaves
 * out is the next one that exists. Throws BAD_REQUEST for a zone or time that is none.
 */
export function nextRunMs(
  { weekday, at, timeZone }: Pick<ReportSchedule, 'weekday' | 'at' | 'timeZone'>,
  afterMs: number,
): number {
  const [, hours, minutes] = atPattern.exec(at) ?? [];
  if (hours === undefined || minutes === undefined) {
    throw new GaugewayError('BAD_REQUEST', 'at: expected HH:MM');
  }
  requireZone(timeZone);
  const cron = new Cron(`${Number(minutes)} ${Number(hours)} * * ${weekday}`, {
    ...{ timezone: timeZone, paused: true },
  });
  const next = cron.nextRun(new Date(afterMs));
  if (!next) throw new GaugewayError('INTERNAL_ERROR', 'a schedule without a next time');
  return next.getTime();
}

function requireZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    throw new GaugewayError('BAD_REQUEST', 'time_zone: expected an IANA name, as Europe/Berlin');
  }
}
