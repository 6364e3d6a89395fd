import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { VictoriaTarget } from '../../../src/storage/victoria/index.ts';
import {
  cpuSeconds,
  freePort,
  launch,
  rssMib,
  startProduct,
  startStorage,
  type Product,
  type Stage,
} from '../../support/stage.ts';
import { startTier, tierEnvironment } from '../../support/tiers.ts';

export interface Part {
  name: string;
  cpuSeconds: () => number;
  rssMib: () => number;
}

export interface System {
  api: Product;
  /** The address of each role's process. */
  urls: Readonly<Record<'gateway' | 'api' | 'ruler' | 'worker', string>>;
  parts: readonly Part[];
  storage: Readonly<Record<'raw' | '1m' | '5m', { target: VictoriaTarget; dir: string }>>;
}

/** The product as it is run by those who have more than a machine: a process for each role, Postgres, three tiers. */
export async function startSystem(stage: Stage, env: Record<string, string>): Promise<System> {
  const raw = await startStorage(stage);
  const one = await startTier(stage, '1m');
  const five = await startTier(stage, '5m', '60d');
  const shared = {
    ...raw.env,
    ...tierEnvironment('1m', one.target),
    ...tierEnvironment('5m', five.target),
    ...env,
  };
  const api = await startProduct(stage, raw, { ...shared, GAUGEWAY_ROLES: 'api' });
  const roles = ['gateway', 'ruler', 'worker'] as const;
  const others = await Promise.all(
    roles.map(async (role) => {
      const listen = `127.0.0.1:${String(await freePort())}`;
      const server = { url: `http://${listen}`, health: '/health' };
      return launch(stage, server, process.execPath, ['bin/gaugeway.js', 'serve'], {
        ...{ GAUGEWAY_LISTEN: listen, GAUGEWAY_ROLES: role },
        ...{ GAUGEWAY_DATA_DIR: stage.directory(), GAUGEWAY_DATABASE_URL: api.postgres.url },
        ...{ GAUGEWAY_VICTORIA_RAW_URL: raw.url, GAUGEWAY_LOG_LEVEL: 'warn' },
        // Senders are as many as the test says.
        ...{ GAUGEWAY_INGEST_LIMITS_SAMPLES_PER_SECOND: '0', GAUGEWAY_INGEST_LIMITS_BURST: '0' },
        ...{ GAUGEWAY_INGEST_LIMITS_MAX_ACTIVE_SERIES: '0', GAUGEWAY_RATE_LIMITS_KEY: '0' },
        ...{ GAUGEWAY_RATE_LIMITS_ADDRESS: '0' },
        ...shared,
      });
    }),
  );
  const [gateway, ruler, worker] = others.map(({ url }) => url);
  const single = (name: string, pid: number): Part => ({
    ...{ name, cpuSeconds: () => cpuSeconds(pid), rssMib: () => rssMib(pid) },
  });
  const postgresPid = api.postgres.pid()!;
  return {
    api,
    urls: { gateway: gateway!, api: api.url, ruler: ruler!, worker: worker! },
    parts: [
      single('api', api.pid),
      ...others.map(({ pid }, at) => single(roles[at]!, pid)),
      single('VictoriaMetrics raw', raw.pid()!),
      single('VictoriaMetrics 1m', one.pid()!),
      single('VictoriaMetrics 5m', five.pid()!),
      {
        name: 'Postgres',
        cpuSeconds: () => ofTree(postgresPid, cpuSeconds) + endedSeconds(postgresPid),
        rssMib: () => ofTree(postgresPid, privateMib),
      },
    ],
    storage: {
      raw: { target: raw.target, dir: directoryOf(raw.pid()!) },
      '1m': { target: one.target, dir: directoryOf(one.pid()!) },
      '5m': { target: five.target, dir: directoryOf(five.pid()!) },
    },
  };
}

/** The process and its children; one that ends meanwhile is left out. */
function ofTree(pid: number, of: (pid: number) => number): number {
  const path = `/proc/${String(pid)}/task/${String(pid)}/children`;
  const children = readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  return [pid, ...children].reduce((sum, one) => {
    try {
      return sum + of(one);
    } catch {
      return sum;
    }
  }, 0);
}

/** Of children that have ended (proc(5), stat fields 16 and 17). */
function endedSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
    .split(') ')[1]!
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Without the buffers that Postgres's processes share. */
function privateMib(pid: number): number {
  const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
  const kib = [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)].map(([, one]) =>
    Number(one),
  );
  return kib.reduce((sum, one) => sum + one, 0) / 1_024;
}

function directoryOf(pid: number): string {
  const [flag] = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')
    .split('\0')
    .filter((one) => one.startsWith('-storageDataPath='));
  if (flag === undefined) throw new Error('a storage without a directory');
  return flag.slice('-storageDataPath='.length);
}

/** Bytes of the samples and of the index on disk. */
export function bytesOf(dir: string): { samples: number; index: number } {
  const of = (path: string): number =>
    Number(execFileSync('du', ['-sb', path], { encoding: 'utf8' }).split('\t')[0]);
  const names = readdirSync(dir);
  return {
    samples: names.includes('data') ? of(`${dir}/data`) : 0,
    index: names.includes('indexdb') ? of(`${dir}/indexdb`) : 0,
  };
}
