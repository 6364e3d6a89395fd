import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createChecksums } from './checksum.ts';
import { createPacker, type Runtime } from './runtime.ts';

export interface InstallKitDeps {
  /** The bundled agent, one file. */
  bundle: string;
  /** Holds the script and the units: `exporter-agent/install`, as built. */
  folder: string;
  /** Keeps the packed runtime. */
  cacheDir: string;
  /** None where this server's Node is of no use to others. */
  runtime: Runtime | undefined;
}

/** A file on disk, ready to be sent. */
export interface ServedFile {
  path: string;
  bytes: number;
  /** Of what the host ends up with: of the runtime, before it was packed. */
  sha256: string;
  type: string;
}

export interface InstallKit {
  /** install.sh for hosts that reach this server at the address; undefined where this build has none. */
  script(serverUrl: URL): Promise<string | undefined>;
  /** A line per file, as sha256sum(1) writes it. */
  checksums(): Promise<string>;
  /** Undefined where there is no such file. Rejects where the runtime cannot be packed. */
  find(name: string): Promise<ServedFile | undefined>;
}

const unitNames = ['gaugeway-agent.service', 'gaugeway-agent-gpu.conf', 'com.gaugeway.agent.plist'];
const bundleName = 'gaugeway-agent.mjs';
/** The line of install.sh that this server fills in. */
const emptyAddress = "server_url=''";

export function createInstallKit(deps: InstallKitDeps): InstallKit {
  const { runtime } = deps;
  const checksumOf = createChecksums();
  const pack = createPacker(deps.cacheDir);
  const plain = new Map([
    [bundleName, deps.bundle],
    ...unitNames.map((name) => [name, join(deps.folder, name)] as const),
  ]);

  async function findPacked(from: Runtime): Promise<ServedFile | undefined> {
    const original = await checksumOf(from.path);
    if (!original) return undefined;
    const path = await pack(from.path, original.sha256);
    const packed = await checksumOf(path);
    if (!packed) return undefined;
    return { path, bytes: packed.bytes, sha256: original.sha256, type: 'application/gzip' };
  }

  return {
    async script(serverUrl) {
      const text = await readFile(join(deps.folder, 'install.sh'), 'utf8').catch(() => undefined);
      // URL leaves an apostrophe of the path as it is; here it would end the shell's string.
      const address = serverUrl.href.replace(/\/+$/, '').replaceAll("'", '%27');
      return text?.replace(emptyAddress, () => `server_url='${address}'`);
    },
    async checksums() {
      const files = [...plain, ...(runtime ? [[runtime.name, runtime.path] as const] : [])];
      const lines = await Promise.all(
        files.map(async ([name, path]) => {
          const checked = await checksumOf(path);
          return checked ? `${checked.sha256}  ${name}\n` : '';
        }),
      );
      return lines.join('');
    },
    async find(name) {
      if (runtime && name === `${runtime.name}.gz`) return findPacked(runtime);
      const path = plain.get(name);
      const checked = path === undefined ? undefined : await checksumOf(path);
      if (path === undefined || !checked) return undefined;
      const type = name === bundleName ? 'text/javascript' : 'text/plain';
      return { path, ...checked, type: `${type}; charset=utf-8` };
    },
  };
}
