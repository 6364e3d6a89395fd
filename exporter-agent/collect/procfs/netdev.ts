import { numbers, fields, wholeLines } from './text.ts';

export interface NetworkDirection {
  bytes: number;
  packets: number;
  errors: number;
  drops: number;
}

export interface NetworkStats {
  device: string;
  receive: NetworkDirection;
  transmit: NetworkDirection;
  /** The sixteen columns as they stand. */
  all: readonly number[];
}

/** /proc/net/dev: eight receive columns, eight transmit columns; a name may hold colons (`eth0:1`). */
export function parseNetdev(text: string): NetworkStats[] {
  const devices: NetworkStats[] = [];
  for (const line of wholeLines(text)) {
    const colon = line.lastIndexOf(':');
    if (colon < 0) continue;
    const values = numbers(fields(line.slice(colon + 1)));
    if (values === undefined || values.length < 16) continue;
    devices.push({
      device: line.slice(0, colon).trim(),
      receive: direction(values, 0),
      transmit: direction(values, 8),
      all: values,
    });
  }
  return devices;
}

function direction(values: readonly number[], at: number): NetworkDirection {
  return {
    bytes: values[at]!,
    packets: values[at + 1]!,
    errors: values[at + 2]!,
    drops: values[at + 3]!,
  };
}
