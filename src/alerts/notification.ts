/** What a message says of one alert: `deliveries.alert` in the outbox. Times are milliseconds since the epoch. */
export interface AlertNotification {
  ruleName: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  value: number;
  severity?: string;
  hostId?: string;
  startsAtMs: number;
  /** Only of a resolved one. */
  endsAtMs?: number;
  /** Where the alert comes from, for a link: of an alert that another server posted. */
  generatorUrl?: string;
  /** How often it came back within its cooldown. */
  flaps: number;
}

/** `refired`: it came back within its cooldown, which is over now. `repeat`: it fires on and nobody took it over. */
export type NotificationKind = 'firing' | 'refired' | 'repeat' | 'resolved';
