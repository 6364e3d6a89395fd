import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { searchPath } from '../platform/index.ts';

export interface VictoriaBinary {
  path: string;
  /** `1.79.5`, or `unknown` for a build that does not say. */
  version: string;
  /** The names of all flags it has: what it can do is read from these, not from its version. */
  flags: ReadonlySet<string>;
}

const names = ['victoria-metrics', 'victoria-metrics-prod', 'victoriametrics'];

/** What an old release lacks, told by the flag that came with the ability. */
const newerAbilities: readonly { flag: string; lack: string }[] = [
  { flag: 'search.maxMemoryPerQuery', lack: 'a memory limit per query' },
  { flag: 'inmemoryDataFlushInterval', lack: 'a choice of how long samples stay in memory only' },
  { flag: 'maxLabelNameLen', lack: 'a limit on the length of label names' },
  { flag: 'http.disableCORS', lack: 'a way to refuse requests from other web pages' },
  { flag: 'enableMetadata', lack: 'storage of metric metadata (Gaugeway keeps its own)' },
];

/** The first VictoriaMetrics on `PATH` or among the given places; undefined when there is none that runs. */
export function findVictoria(places: readonly string[]): VictoriaBinary | undefined {
  const onPath = searchPath().flatMap((directory) => names.map((name) => join(directory, name)));
  for (const path of [...onPath, ...places]) {
    const binary = existsSync(path) ? inspectVictoria(path) : undefined;
    if (binary) return binary;
  }
  return undefined;
}

/** Undefined when the file is not a VictoriaMetrics that runs here. */
export function inspectVictoria(path: string): VictoriaBinary | undefined {
  const flags = new Set(
    [...outputOf(path, ['-help']).matchAll(/^ {2}-([A-Za-z0-9._]+)/gm)].map((match) => match[1]!),
  );
  if (!flags.has('storageDataPath')) return undefined;
  return { path, version: versionOf(path), flags };
}

export function lacksOf(binary: VictoriaBinary): string[] {
  return newerAbilities.filter(({ flag }) => !binary.flags.has(flag)).map(({ lack }) => lack);
}

/** Debian's builds print no version of their own; the package knows it, and so does our own download. */
function versionOf(path: string): string {
  const own = /v(\d+\.\d+\.\d+)/.exec(outputOf(path, ['-version']))?.[1];
  if (own) return own;
  const fromPlace = /victoria-metrics[_-](\d+\.\d+\.\d+)/.exec(path)?.[1];
  if (fromPlace) return fromPlace;
  const owner = /^([a-z0-9.+-]+):/.exec(outputOf('dpkg-query', ['-S', realpathSync(path)]))?.[1];
  const packaged = owner ? outputOf('dpkg-query', ['-W', '-f=${Version}', owner]) : '';
  return /^(\d+\.\d+\.\d+)/.exec(packaged)?.[1] ?? 'unknown';
}

/** Both streams; empty when the program cannot be run. VictoriaMetrics prints its help to standard error. */
function outputOf(command: string, args: readonly string[]): string {
  try {
    return execFileSync('/bin/sh', ['-c', '"$0" "$@" 2>&1', command, ...args], {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
  }
}
