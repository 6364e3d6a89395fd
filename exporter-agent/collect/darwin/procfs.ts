import { cpus, loadavg, totalmem } from 'node:os';
import type { Procfs } from '../procfs/root.ts';
import { parseDisks, parseInterfaces, parseMounts, parseSwapUsage, parseVmStat } from './parse.ts';

/** What macOS has no function for; each is asked by a child. */
const tools = {
  vmStat: ['/usr/bin/vm_stat'],
  swap: ['/usr/sbin/sysctl', 'vm.swapusage'],
  interfaces: ['/usr/sbin/netstat', '-ibdn'],
  disks: ['/usr/sbin/ioreg', '-r', '-l', '-w0', '-c', 'IOBlockStorageDriver'],
  mounts: ['/sbin/mount'],
} as const satisfies Record<string, readonly string[]>;

type Tool = keyof typeof tools;
const toolNames = Object.keys(tools) as Tool[];

export interface DarwinDeps {
  /** Standard output of the command; rejects when it fails or takes too long. */
  run: (command: readonly string[]) => Promise<string>;
  monotonicMs: () => number;
  machine: {
    cpus: () => { times: { user: number; nice: number; sys: number; idle: number; irq: number } }[];
    loadavg: () => number[];
    totalBytes: () => number;
  };
}

/** Shorter than any tick that is meant for a Mac; children cost more than the reading of a file. */
const refreshMs = 4_000;

/**
 * A Mac, told in the files of Linux's /proc that the collectors read, so that there is one of each collector. What
 * children say is asked for at one tick and told at the next: a tick never waits.
 */
export async function createDarwinProcfs(deps: DarwinDeps): Promise<Procfs> {
  const said = new Map<Tool, string>();
  let askedAtMs = Number.NEGATIVE_INFINITY;

  async function askOne(tool: Tool): Promise<void> {
    const text = await deps.run(tools[tool]).catch(() => undefined);
    if (text === undefined) said.delete(tool);
    else said.set(tool, text);
  }

  function ask(): Promise<unknown> {
    askedAtMs = deps.monotonicMs();
    return Promise.all(toolNames.map(askOne));
  }

  function saidBy(tool: Tool): string {
    if (deps.monotonicMs() - askedAtMs >= refreshMs) void ask();
    const text = said.get(tool);
    if (text !== undefined) return text;
    throw new Error(`${tools[tool][0]} does not answer`);
  }

  const files: Readonly<Record<string, () => string>> = {
    stat: () => toStat(deps.machine.cpus()),
    loadavg: () => `${deps.machine.loadavg().join(' ')} 0/0 0\n`,
    meminfo: () => toMeminfo(deps.machine.totalBytes(), saidBy('vmStat'), saidBy('swap')),
    'net/dev': () => toNetdev(saidBy('interfaces')),
    diskstats: () => toDiskstats(saidBy('disks')),
    '1/mountinfo': () => toMountinfo(saidBy('mounts')),
  };
  await ask();
  const read = (path: string): string => {
    const file = files[path];
    if (file) return file();
    throw new Error(`macOS has nothing like /proc/${path}`);
  };
  return { read, readOnce: read, resolve: (path) => path, list: () => [], close: () => undefined };
}

/** Shorter than `refreshMs`: a tool that hangs runs once. */
const toolTimeoutMs = 3_000;

/** With what this process has; child_process is loaded here only, the memory of Linux hosts is spared. */
export async function openDarwinProcfs(monotonicMs: () => number): Promise<Procfs> {
  const { execFile } = await import('node:child_process');
  const run: DarwinDeps['run'] = ([file = '', ...args]) =>
    new Promise((resolve, reject) => {
      const options = {
        timeout: toolTimeoutMs,
        killSignal: 'SIGKILL',
        env: { LC_ALL: 'C' },
      } as const;
      execFile(file, args, options, (error, stdout) => {
        if (error) reject(error);
        else resolve(stdout);
      });
    });
  return createDarwinProcfs({
    run,
    monotonicMs,
    machine: { cpus, loadavg, totalBytes: totalmem },
  });
}

const msPerTick = 10;

function toStat(cores: ReturnType<DarwinDeps['machine']['cpus']>): string {
  const sum = [0, 0, 0, 0, 0, 0];
  const rows = cores.map(({ times: { user, nice, sys, idle, irq } }, core) => {
    const columns = [user, nice, sys, idle, 0, irq].map((ms) => Math.round(ms / msPerTick));
    columns.forEach((ticks, at) => (sum[at] = (sum[at] ?? 0) + ticks));
    return `cpu${core} ${columns.join(' ')} 0 0\n`;
  });
  return `cpu ${sum.join(' ')} 0 0\n${rows.join('')}`;
}

/** In use as Activity Monitor has it: memory of programs that cannot be dropped, wired, and the compressor's. */
function toMeminfo(totalBytes: number, vmStatText: string, swapText: string): string {
  const memory = parseVmStat(vmStatText);
  const swap = parseSwapUsage(swapText);
  const used = memory.anonymous - memory.purgeable + memory.wired + memory.compressor;
  const rows = {
    MemTotal: totalBytes,
    MemFree: memory.free,
    MemAvailable: Math.max(0, totalBytes - used),
    Buffers: 0,
    Cached: memory.fileBacked + memory.purgeable,
    SReclaimable: 0,
    Shmem: 0,
    SwapTotal: swap.total,
    SwapFree: swap.free,
  };
  return Object.entries(rows)
    .map(([name, bytes]) => `${name}: ${Math.round(bytes / 1024)} kB\n`)
    .join('');
}

/** Cards, bonds and dial-up; the many interfaces of Apple's own services and of tunnels are left out. */
const shownInterfaces = /^(en|bond|ppp|vlan)\d+$/;

function toNetdev(text: string): string {
  const rows = parseInterfaces(text)
    .filter(({ name }) => shownInterfaces.test(name))
    .map(
      (one) =>
        `${one.name}: ${one.rxBytes} 0 ${one.rxErrors} ${one.drops} 0 0 0 0 ${one.txBytes} 0 ${one.txErrors} 0 0 0 0 0\n`,
    );
  return `Inter-|   Receive |  Transmit\n face |bytes |bytes\n${rows.join('')}`;
}

const sectorBytes = 512;

function toDiskstats(text: string): string {
  return parseDisks(text)
    .map(({ name, reads, writes, readBytes, writtenBytes }) => {
      const [sectorsRead, sectorsWritten] = [readBytes, writtenBytes].map((bytes) =>
        Math.round(bytes / sectorBytes),
      );
      return `0 0 ${name} ${reads} 0 ${sectorsRead} 0 ${writes} 0 ${sectorsWritten} 0 0 0 0\n`;
    })
    .join('');
}

const escaped = (text: string) => text.replaceAll('\\', '\\134').replaceAll(' ', '\\040');

function toMountinfo(text: string): string {
  return parseMounts(text)
    .map(({ source, mountPoint, fsType, isReadOnly }, at) => {
      const mode = isReadOnly ? 'ro' : 'rw';
      return `${at} 0 1:${at} / ${escaped(mountPoint)} ${mode} - ${fsType} ${escaped(source)} ${mode}\n`;
    })
    .join('');
}
