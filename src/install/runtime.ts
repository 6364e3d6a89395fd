import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** A Node that other hosts of its kind can run. */
export interface Runtime {
  /** Says who can: `node-linux-x64-glibc2.28` needs that glibc or a newer one. */
  name: string;
  path: string;
}

/** What is asked of `process`. */
export interface RuntimeFacts {
  platform: string;
  arch: string;
  execPath: string;
  config: { variables: object };
  report: { getReport: () => object };
}

/** This process's own Node; undefined where it is not whole in one file (Debian's package has a libnode.so beside it). */
export function findRuntime(facts: RuntimeFacts): Runtime | undefined {
  const { node_shared: isShared } = facts.config.variables as { node_shared?: unknown };
  if (facts.platform !== 'linux' || isShared === true || isShared === 'true') return undefined;
  return { name: `node-linux-${facts.arch}-${libcOf(facts)}`, path: facts.execPath };
}

/** The glibc it was compiled with is the oldest that surely has all it needs. */
function libcOf(facts: RuntimeFacts): string {
  const { header } = facts.report.getReport() as { header?: { glibcVersionCompiler?: string } };
  const version = header?.glibcVersionCompiler;
  return version === undefined ? 'musl' : `glibc${version}`;
}

const packedName = /^node-[0-9a-f]{64}\.gz(\.new)?$/;

/**
 * The runtime packed, made at the first request and kept: 100 MB take seconds of CPU, and whoever can reach this
 * server may ask. Rejects where the directory cannot be written.
 */
export function createPacker(directory: string): (path: string, sha256: string) => Promise<string> {
  const packing = new Map<string, Promise<string>>();
  return (path, sha256) => {
    const kept = packing.get(sha256);
    if (kept) return kept;
    const started = pack(directory, path, sha256);
    packing.set(sha256, started);
    started.catch(() => packing.delete(sha256));
    return started;
  };
}

async function pack(directory: string, path: string, sha256: string): Promise<string> {
  const packed = join(directory, `node-${sha256}.gz`);
  await mkdir(directory, { recursive: true });
  const there = (await readdir(directory)).filter((name) => packedName.test(name));
  if (there.includes(`node-${sha256}.gz`)) return packed;
  // Of Nodes that this server ran on before, and of a start that was cut off.
  for (const old of there) await rm(join(directory, old), { force: true });
  await pipeline(createReadStream(path), createGzip(), createWriteStream(`${packed}.new`));
  await rename(`${packed}.new`, packed);
  return packed;
}
