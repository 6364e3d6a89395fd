/** Percent, over all samples of the week; of several GPUs p95 and max are the busiest one's. */
export interface WeekStats {
  avg: number;
  p95: number;
  max: number;
}

export interface WeekDisk {
  mountpoint: string;
  usedPercent: number;
  /** Null where it does not grow, or too little of the week is known. */
  daysUntilFull: number | null;
}

export interface HostWeek {
  id: string;
  hostname: string;
  cpu: WeekStats | null;
  mem: WeekStats | null;
  gpu: WeekStats | null;
  disks: readonly WeekDisk[];
  /** Nothing was heard of it when the report was made, for over 2 minutes; null: never. */
  lastSeenAtMs: number | null;
  isSilent: boolean;
}

/** One hour of all hosts together; null where none reported. */
export interface FleetHour {
  /** Its end. */
  atMs: number;
  cpuAvg: number | null;
  /** Of the busiest host. */
  cpuMax: number | null;
  memAvg: number | null;
  memMax: number | null;
  hostsReporting: number;
}

export interface RuleWeek {
  rule: string;
  severity: string;
  alerts: number;
  hosts: number;
  /** All of its alerts together, within the week. */
  firingMinutes: number;
}

/** Everything that a weekly report says, before it is a PDF or CSV. */
export interface WeeklyReport {
  name: string;
  tags: Readonly<Record<string, string>>;
  timeZone: string;
  startMs: number;
  endMs: number;
  madeAtMs: number;
  /** Busiest first, by the 95th percentile of their CPU. */
  hosts: readonly HostWeek[];
  hours: readonly FleetHour[];
  rules: readonly RuleWeek[];
  alertsPerDay: readonly { label: string; alerts: number }[];
  /** Share of the hours of all hosts in which they reported, 0 to 1; null without hosts. */
  coverage: number | null;
}
