/**
 * The real programs that the tests and benchmarks talk to: Prometheus, promtool, node_exporter, vmagent,
 * VictoriaMetrics. What is not on the PATH is taken from Debian's packages, unpacked into `.cache/peers` and not
 * installed: Debian's packages would start services.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root, SetupError } from './setup.js';

const packageOf = {
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'prometheus-node-exporter': 'prometheus-node-exporter',
  'victoria-metrics': 'victoria-metrics',
  vmagent: 'victoria-metrics',
  openssl: 'openssl',
  setpriv: 'util-linux',
};

const cache = join(root, '.cache', 'peers');
const unpacked = ['usr/bin', 'usr/sbin', 'bin'].map((folder) => join(cache, folder));

function isThere(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Puts every peer on this process's PATH. Throws SetupError that names what cannot be had. */
export function ensurePeers(say = console.log) {
  process.env.PATH = [process.env.PATH, ...unpacked].join(delimiter);
  const missing = Object.keys(packageOf).filter((program) => !isThere(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => packageOf[program]))];
  say(`fetching ${packages.join(', ')} from Debian's packages …`);
  fetchPackages(packages);
  const still = missing.filter((program) => !isThere(program));
  if (still.length === 0) return;
  throw new SetupError(
    `The tests need ${still.join(', ')}. On Debian or Ubuntu: apt-get install ${packages.join(' ')}.`,
  );
}

function fetchPackages(packages) {
  const folder = join(cache, 'deb');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const run = (command, args) =>
    spawnSync(command, args, { cwd: folder, stdio: 'ignore' }).status === 0;
  if (!run('apt-get', ['download', ...packages]) && process.getuid() === 0) {
    run('apt-get', ['update']);
    run('apt-get', ['download', ...packages]);
  }
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    if (file.endsWith('.deb')) run('dpkg', ['-x', file, cache]);
  }
}
