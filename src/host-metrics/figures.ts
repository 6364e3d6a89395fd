import { findByApiName } from '../catalog/index.ts';
import type { Clock } from '../platform/index.ts';
import type { StorageAsk } from './ask.ts';
import { anyOf } from './selector.ts';

/** The percentages that make a host's status (PRP §10.2), in the order in which a reason names them. */
export const trackedMetrics = [
  'cpu.utilization',
  'mem.used_pct',
  'gpu.utilization',
  'disk.used_pct',
] as const;
export type TrackedMetric = (typeof trackedMetrics)[number];

/** The newest figures of one host; null where there was no sample in the last 90 s. Of several GPUs or disks the fullest. */
export interface Figures {
  /** Percent. */
  tracked: Readonly<Record<TrackedMetric, number | null>>;
  /** Mbit/s, all devices together. */
  netTxMbps: number | null;
  netRxMbps: number | null;
  /** Those above 90 % for a minute or longer. */
  held: readonly TrackedMetric[];
}

export interface FiguresReader {
  /**
   * One question to storage, or as many as their names need; a host without samples is absent. Without `hostIds` all of
   * the tenant.
   * Rejects with UNAVAILABLE where storage does not answer.
   */
  of(tenantId: string, hostIds?: readonly string[]): Promise<ReadonlyMap<string, Figures>>;
}

/** PRP §10.2: crit is above this for a minute. */
const critPercent = 90;
const nameOf = (apiName: string): string => findByApiName(apiName)?.name ?? apiName;
const trackedByName = new Map(trackedMetrics.map((metric) => [nameOf(metric), metric]));
const [txName, rxName] = [nameOf('net.tx_mbps'), nameOf('net.rx_mbps')];
/** Three reports of an agent that was told to report every 30 s. */
const newest = '90s';

const nothing: Figures = {
  tracked: {
    'cpu.utilization': null,
    'mem.used_pct': null,
    'gpu.utilization': null,
    'disk.used_pct': null,
  },
  netTxMbps: null,
  netRxMbps: null,
  held: [],
};

/** VictoriaMetrics takes 16 KiB as shipped (`-search.maxQueryLen`); what stands around the names is below 1 KiB. */
const maxNamesBytes = 14_336;

/**
 * Four parts in one question, which names the hosts once. Above 90 % for a whole minute means: at every sample of the last minute, and also at
 * its beginning; a series that is younger than that has not held yet.
 */
function questionFor(hostIds: readonly string[] | undefined): string {
  const hosts = hostIds === undefined ? 'host_id!=""' : anyOf('host_id', hostIds);
  const tracked = `{${anyOf('__name__', [...trackedByName.keys()])},hosts}`;
  const net = `{${anyOf('__name__', [txName, rxName])},hosts}`;
  const by = '(__name__,host_id)';
  const parts = {
    now: `max by ${by} (last_over_time(${tracked}[${newest}]))`,
    net: `sum by ${by} (last_over_time(${net}[${newest}]))`,
    held: `max by ${by} (min_over_time(${tracked}[1m])) > ${critPercent}`,
    before: `max by ${by} (last_over_time(${tracked}[${newest}] offset 1m)) > ${critPercent}`,
  };
  const labelled = Object.entries(parts).map(
    ([part, query]) => `label_set(${query},"part","${part}")`,
  );
  return `WITH (hosts = {${hosts}}) union(${labelled.join(',')})`;
}

const lengthOf = (ids: readonly string[]): number => Buffer.byteLength(anyOf('', ids));

/** In slices whose names fit into a question. */
function slicesOf(hostIds: readonly string[]): string[][] {
  const slices: string[][] = [];
  let room = 0;
  for (const id of hostIds) {
    const bytes = lengthOf([id, '']) - lengthOf(['', '']) + 1;
    if (bytes > room) {
      slices.push([]);
      room = maxNamesBytes;
    }
    slices.at(-1)?.push(id);
    room -= bytes;
  }
  return slices;
}

interface Gathered {
  tracked: Record<TrackedMetric, number | null>;
  netTxMbps: number | null;
  netRxMbps: number | null;
  held: Set<string>;
  before: Set<string>;
}

export function createFigures({ ask, clock }: { ask: StorageAsk; clock: Clock }): FiguresReader {
  return {
    async of(tenantId, hostIds) {
      if (hostIds?.length === 0) return new Map();
      const atMs = clock.nowMs();
      const slices = hostIds ? slicesOf(hostIds) : [undefined];
      const answers = await Promise.all(
        slices.map((ids) => ask.at(tenantId, questionFor(ids), atMs)),
      );
      const rows = answers.flat();
      const gathered = new Map<string, Gathered>();
      for (const { labels, value } of rows) {
        const id = labels['host_id'] ?? '';
        const host = gathered.get(id) ?? empty();
        gathered.set(id, host);
        note(host, labels, value);
      }
      return new Map([...gathered].map(([id, host]) => [id, toFigures(host)]));
    },
  };
}

const empty = (): Gathered => ({
  ...nothing,
  tracked: { ...nothing.tracked },
  held: new Set(),
  before: new Set(),
});

function note(host: Gathered, labels: Readonly<Record<string, string>>, value: number): void {
  const name = labels['__name__'] ?? '';
  const metric = trackedByName.get(name);
  switch (labels['part']) {
    case 'now':
      if (metric !== undefined) host.tracked[metric] = value;
      return;
    case 'net':
      if (name === txName) host.netTxMbps = value;
      else host.netRxMbps = value;
      return;
    case 'held':
      host.held.add(name);
      return;
    case 'before':
      host.before.add(name);
      return;
    default:
  }
}

function toFigures({ tracked, netTxMbps, netRxMbps, held, before }: Gathered): Figures {
  return {
    ...{ tracked, netTxMbps, netRxMbps },
    held: [...trackedByName].flatMap(([name, metric]) =>
      held.has(name) && before.has(name) ? [metric] : [],
    ),
  };
}
