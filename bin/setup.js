/**
 * What has to be there before anything of this product can run: the right Node, the packages of the
 * lock file, a build of the present sources. Plain JavaScript without dependencies, because it runs
 * before they are installed. Used by `npm start`, `npm test` and the `gaugeway` command.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const oldestNode = [20, 19];
const sourceFolders = ['src', 'exporter-agent', 'migrations'];
const otherSources = ['package.json', 'bin/build.js', 'bin/setup.js'];
const stampFile = join(root, 'dist', '.sources');

/** A fault of the machine or of its use, not of the product: shown without a stack. */
export class SetupError extends Error {}

/** Throws SetupError where this product cannot run. */
export function checkPlatform() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldMajor, oldMinor] = oldestNode;
  if (major < oldMajor || (major === oldMajor && minor < oldMinor)) {
    throw new SetupError(
      `Gaugeway needs Node ${oldestNode.join('.')} or newer; this is ${process.versions.node}.`,
    );
  }
  if (process.platform !== 'linux') {
    throw new SetupError(`Gaugeway runs on Linux; this is ${process.platform}.`);
  }
}

/** Installs from the lock file when what is in node_modules is something else. */
export function ensureInstalled(say = console.log) {
  if (isInstalled()) return;
  requireWritable(root, 'to install packages');
  say('installing packages from the lock file …');
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const result = spawnSync(command, [...first, 'ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.error) throw new SetupError(`npm could not be run: ${result.error.message}`);
  if (result.status !== 0) {
    throw new SetupError(
      'npm ci failed; its own message is above. Is the package registry reachable?',
    );
  }
}

/** npm notes what it has installed; every package that is not optional must be there in its version. */
function isInstalled() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {};
  const present = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!present) return false;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      !path.startsWith('node_modules/') ||
      entry.optional ||
      entry.devOptional ||
      present[path]?.version === entry.version,
  );
}

/** Builds `dist/` when its sources have changed since the last build. */
export async function ensureBuilt(say = console.log) {
  const sources = hashSources();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === sources) return;
  requireWritable(existsSync(join(root, 'dist')) ? join(root, 'dist') : root, 'to build');
  say('building …');
  const { build } = await import('./build.js');
  await build();
  writeFileSync(stampFile, sources);
}

/** Everything in order; what there is to say goes to standard output, or where `say` puts it. */
export async function setUp(say = console.log) {
  checkPlatform();
  ensureInstalled(say);
  await ensureBuilt(say);
}

/** Runs a command line of the product in this process and sets the exit code. */
export async function runMain(argv, say) {
  try {
    await setUp(say);
    const { main } = await import('../dist/gaugeway.js');
    process.exitCode = await main(argv);
  } catch (error) {
    console.error(error instanceof SetupError ? `gaugeway: ${error.message}` : error);
    process.exitCode = 1;
  }
  // Idle connections of a library must not hold an ended command.
  setTimeout(() => process.exit(), 1_000).unref();
}

function hashSources() {
  const hash = createHash('sha256');
  const folders = sourceFolders.filter((folder) => existsSync(join(root, folder)));
  const inFolders = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
  );
  const files = [...inFolders, ...otherSources.map((file) => join(root, file))].sort();
  for (const file of files) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest('hex');
}

function requireWritable(directory, why) {
  try {
    accessSync(directory, constants.W_OK);
  } catch {
    throw new SetupError(
      `${directory} cannot be written by user id ${process.getuid()} ${why}. ` +
        'Run once as its owner, or clone to a directory of your own.',
    );
  }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
