/**
 * The real programs that the tests and benchmarks talk to: Prometheus, promtool, Alertmanager, node_exporter, vmagent,
 * VictoriaMetrics. What is not on the PATH is taken from Debian's packages, unpacked into `.cache/peers` and not
 * installed: Debian's packages would start services.
 */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { root, SetupError } from './setup.js';

const packageOf = {
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'prometheus-node-exporter': 'prometheus-node-exporter',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  amtool: 'prometheus-alertmanager',
  'victoria-metrics': 'victoria-metrics',
  vmagent: 'victoria-metrics',
  openssl: 'openssl',
  setpriv: 'util-linux',
  amtool: 'prometheus-alertmanager',
};

/** What the tests of the installation need. */
const installPackageOf = {
  debootstrap: 'debootstrap',
  wget: 'wget',
  shellcheck: 'shellcheck',
  busybox: 'busybox-static',
};

/** What only Debian unstable has, under a name of its own beside the older one of the same program. */
const newerPackageOf = {
  'prometheus-3': { package: 'prometheus', program: 'prometheus' },
  'promtool-3': { package: 'promtool', program: 'promtool' },
  'vmagent-newer': { package: 'victoria-metrics', program: 'vmagent' },
};

const cache = join(root, '.cache', 'peers');
const newerCache = join(cache, 'newer');
const keyring = 'usr/share/keyrings/debian-archive-keyring.gpg';
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
  ensureOf(packageOf, say);
}

/** The same for the programs that put a fresh Debian into a folder and judge the install script. */
export function ensureInstallPeers(say = console.log) {
  ensureOf(installPackageOf, say);
}

function ensureOf(table, say) {
  extendPath();
  const missing = Object.keys(table).filter((program) => !isThere(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => table[program]))];
  say(`fetching ${packages.join(', ')} from Debian's packages …`);
  fetchPackages(packages);
  const still = missing.filter((program) => !isThere(program));
  if (still.length === 0) return;
  throw new SetupError(
    `The tests need ${still.join(', ')}. On Debian or Ubuntu: apt-get install ${packages.join(' ')}.`,
  );
}

/**
 * Puts the newer releases on this process's PATH: a Prometheus that sends remote write 2.0, a vmagent that opens
 * with zstd. Throws SetupError that names what cannot be had.
 */
export function ensureNewerPeers(say = console.log) {
  extendPath();
  const missing = Object.keys(newerPackageOf).filter((program) => !isThere(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => newerPackageOf[name].package))];
  say(`fetching ${packages.join(', ')} from Debian unstable …`);
  fetchNewerPackages(packages);
  mkdirSync(join(cache, 'bin'), { recursive: true });
  for (const name of missing) {
    const program = join('usr/bin', newerPackageOf[name].program);
    const link = join(cache, 'bin', name);
    rmSync(link, { force: true });
    if (existsSync(join(newerCache, program))) symlinkSync(join('../newer', program), link);
  }
  const still = missing.filter((program) => !isThere(program));
  if (still.length === 0) return;
  throw new SetupError(
    `The tests need ${still.join(', ')}: ${packages.join(', ')} of Debian unstable.`,
  );
}

function extendPath() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const added = unpacked.filter((folder) => !folders.includes(folder));
  process.env.PATH = [...folders, ...added].join(delimiter);
}

function fetchPackages(packages) {
  const folder = emptyFolder('deb');
  if (!run(folder, 'apt-get', ['download', ...packages]) && process.getuid() === 0) {
    run(folder, 'apt-get', ['update']);
    run(folder, 'apt-get', ['download', ...packages]);
  }
  unpack(folder, cache);
}

/** With lists and sources of its own: what this machine installs from stays as it is. */
function fetchNewerPackages(packages) {
  const folder = emptyFolder('newer-deb');
  if (!existsSync(join('/', keyring))) fetchPackages(['debian-archive-keyring']);
  const signedBy = [join('/', keyring), join(cache, keyring)].find(existsSync) ?? '';
  const sources = join(folder, 'unstable.sources');
  writeFileSync(
    sources,
    [
      'Types: deb',
      `URIs: ${debianMirror()}`,
      'Suites: unstable',
      'Components: main',
      `Signed-By: ${signedBy}`,
      '',
    ].join('\n'),
  );
  for (const part of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, part), { recursive: true });
  }
  const options = [
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${join(folder, 'lists')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    'APT::Sandbox::User=',
    'Acquire::http::Timeout=20',
  ].flatMap((option) => ['-o', option]);
  run(folder, 'apt-get', [...options, 'update']);
  run(folder, 'apt-get', [...options, 'download', ...packages]);
  unpack(folder, newerCache);
  rmSync(folder, { recursive: true, force: true });
}

/**
 * A fresh Debian of this machine's own release in `.cache/userland`, made once: what a new host has, systemd and curl.
 * Needs root. Gives its path; throws SetupError.
 */
export function ensureUserland(say = console.log) {
  ensureInstallPeers(say);
  const userland = join(root, '.cache', 'userland');
  if (existsSync(join(userland, 'ready'))) return join(userland, 'root');
  if (process.getuid() !== 0) {
    throw new SetupError('A Debian in a folder can be made by root only: run this test as root.');
  }
  rmSync(userland, { recursive: true, force: true });
  mkdirSync(userland, { recursive: true });
  say('making a fresh Debian in .cache/userland …');
  const scripts = join(cache, 'usr', 'share', 'debootstrap');
  const { status, stderr } = spawnSync(
    'debootstrap',
    [
      ...['--variant=minbase', '--include=ca-certificates,curl,systemd'],
      ...[debianRelease(), join(userland, 'root'), debianMirror()],
    ],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        ...(existsSync(scripts) ? { DEBOOTSTRAP_DIR: scripts } : {}),
      },
    },
  );
  if (status !== 0) {
    throw new SetupError(`debootstrap failed, see .cache/userland/root/debootstrap: ${stderr}`);
  }
  writeFileSync(join(userland, 'ready'), '');
  return join(userland, 'root');
}

/** The mirror that this machine's own apt is set to; unstable lies beside its release. */
function debianMirror() {
  return debianSource().uri;
}

const debianRelease = () => debianSource().release;

function debianSource() {
  const format = '$(REPO_URI) $(RELEASE)';
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', format], {
    encoding: 'utf8',
  });
  const found = (stdout ?? '')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([uri]) => /\/debian\/?$/.test(uri));
  if (found !== undefined) return { uri: found[0], release: found[1] };
  throw new SetupError('The tests need a Debian mirror in the sources of apt.');
}

function emptyFolder(name) {
  const folder = join(cache, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function run(folder, command, args) {
  return spawnSync(command, args, { cwd: folder, stdio: 'ignore' }).status === 0;
}

function unpack(folder, into) {
  mkdirSync(into, { recursive: true });
  for (const file of readdirSync(folder)) {
    if (file.endsWith('.deb')) run(folder, 'dpkg', ['-x', file, into]);
  }
}
