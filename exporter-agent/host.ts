import { existsSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { readTrimmed } from './identity.ts';

/** Facts of the host that the heartbeat tells. */
export interface Host {
  hostname: string;
  bootId: string;
  hasGpu: boolean;
  uptimeSeconds(): number;
  /** Addresses by which others may reach it. */
  ips(): string[];
}

export function readHost(procRoot: string): Host {
  return {
    hostname: hostname(),
    bootId: readTrimmed(`${procRoot}/sys/kernel/random/boot_id`) ?? '',
    hasGpu: existsSync(`${procRoot}/driver/nvidia/version`),
    uptimeSeconds: () => Math.floor(Number.parseFloat(readTrimmed(`${procRoot}/uptime`) ?? '0')),
    ips: () =>
      Object.values(networkInterfaces())
        .flatMap((addresses) => addresses ?? [])
        .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
        .map(({ address }) => address),
  };
}
