import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { GaugewayError, messageOf, type Logger } from '../platform/index.ts';
import { runToEnd } from './child.ts';
import { findVictoria, inspectVictoria, type VictoriaBinary } from './find-victoria.ts';

/** The release that is fetched where neither `PATH` nor the distribution has one. */
export const pinnedRelease = {
  version: '1.150.0',
  file: 'victoria-metrics-linux-amd64-v1.150.0.tar.gz',
  /** Of the archive, as in the release's own checksum list. */
  sha256: '22bfe77be3de1ad03f214a005129312536d77ed4e293b66c186df417ee40a61d',
  program: 'victoria-metrics-prod',
} as const;

const releaseRoot = 'https://github.com/VictoriaMetrics/VictoriaMetrics/releases/download';
const quietApt = { DEBIAN_FRONTEND: 'noninteractive' };
const aptTimeouts = ['-o', 'Acquire::http::Timeout=20', '-o', 'Acquire::Retries=1'];

/**
 * `PATH`, then what an earlier start unpacked, then Debian's package, then the official release.
 * UNAVAILABLE names the ways to get one, with what each attempt said.
 */
export async function findOrGetVictoria(installDir: string, log: Logger): Promise<VictoriaBinary> {
  const present = findVictoria(unpackedPlaces(installDir));
  if (present) return present;
  const failures: string[] = [];
  for (const [way, get] of ways) {
    try {
      log.info('getting VictoriaMetrics', { way });
      await get(installDir);
      const binary = findVictoria(unpackedPlaces(installDir));
      if (binary) return binary;
      failures.push(`${way}: came without a program that runs here`);
    } catch (error) {
      failures.push(`${way}: ${messageOf(error)}`);
    }
  }
  throw new GaugewayError(
    'UNAVAILABLE',
    'VictoriaMetrics was not found and could not be fetched. Ways to get one: ' +
      'apt-get install victoria-metrics (Debian, Ubuntu); `gaugeway victoria install` where github.com can be reached; ' +
      'any victoria-metrics 1.79.5 or newer on PATH; or GAUGEWAY_VICTORIA_RAW_URL for one that runs elsewhere.\n' +
      failures.map((failure) => `  ${failure.replaceAll('\n', '\n    ')}`).join('\n'),
  );
}

const ways: readonly (readonly [string, (installDir: string) => Promise<void>])[] = [
  ['Debian package', getDebianPackage],
  ['official release', installPinnedRelease],
];

function unpackedPlaces(installDir: string): string[] {
  if (!existsSync(installDir)) return [];
  return readdirSync(installDir)
    .filter((name) => /^victoria-metrics-\d/.test(name))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .flatMap((name) => [
      join(installDir, name, 'usr/bin/victoria-metrics'),
      join(installDir, name, pinnedRelease.program),
    ]);
}

/**
 * As root the package is installed, except where systemd would then start a service of its own,
 * open on every address; there, and without root, it is only unpacked.
 */
async function getDebianPackage(installDir: string): Promise<void> {
  if (!existsSync('/usr/bin/apt-get')) throw new Error('no apt-get here');
  const isRoot = process.getuid?.() === 0;
  if (isRoot && !existsSync('/run/systemd/system')) {
    await runToEnd('apt-get', [...aptTimeouts, 'update'], { env: quietApt });
    const words = ['install', '-y', '--no-install-recommends', 'victoria-metrics'];
    await runToEnd('apt-get', [...aptTimeouts, ...words], { env: quietApt });
  } else {
    await unpackDebianPackage(installDir);
  }
}

/** Works without root: apt's lists and downloads go to a directory of ours. */
async function unpackDebianPackage(installDir: string): Promise<void> {
  const work = join(installDir, 'download');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(work, 'cache', 'archives', 'partial'), { recursive: true });
  const apt = [
    ...aptTimeouts,
    ...['-o', `Dir::State::lists=${join(work, 'lists')}`],
    ...['-o', `Dir::Cache=${join(work, 'cache')}`],
    ...['-o', 'APT::Sandbox::User='],
  ];
  await runToEnd('apt-get', [...apt, 'update'], { cwd: work });
  await runToEnd('apt-get', [...apt, 'download', 'victoria-metrics'], { cwd: work });
  const file = readdirSync(work).find((name) => name.endsWith('.deb'));
  const version = /_(\d+\.\d+\.\d+)/.exec(file ?? '')?.[1];
  if (file === undefined || version === undefined) throw new Error('apt-get brought no package');
  await runToEnd('dpkg', ['-x', join(work, file), join(work, 'unpacked')]);
  moveIntoPlace(join(work, 'unpacked'), join(installDir, `victoria-metrics-${version}`));
  rmSync(work, { recursive: true, force: true });
}

/** Downloads the pinned release, checks its SHA-256 and unpacks it below the directory. */
export async function installPinnedRelease(installDir: string): Promise<void> {
  if (process.arch !== 'x64') throw new Error(`no pinned release for ${process.arch}`);
  const work = join(installDir, 'download');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, 'unpacked'), { recursive: true });
  const archive = join(work, pinnedRelease.file);
  const url = `${releaseRoot}/v${pinnedRelease.version}/${pinnedRelease.file}`;
  await download(url, archive, pinnedRelease.sha256);
  await runToEnd('tar', ['-xzf', archive, '-C', join(work, 'unpacked')]);
  if (!inspectVictoria(join(work, 'unpacked', pinnedRelease.program))) {
    throw new Error('the downloaded program does not run here');
  }
  const place = join(installDir, `victoria-metrics-${pinnedRelease.version}`);
  moveIntoPlace(join(work, 'unpacked'), place);
  rmSync(work, { recursive: true, force: true });
}

function moveIntoPlace(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
}

async function download(url: string, file: string, sha256: string): Promise<void> {
  const hash = createHash('sha256');
  const answer = await followRedirects(url, 5);
  answer.on('data', (chunk: Buffer) => void hash.update(chunk));
  await pipeline(answer, createWriteStream(file));
  const found = hash.digest('hex');
  if (found !== sha256) throw new Error(`${url} has SHA-256 ${found}, expected ${sha256}`);
}

async function followRedirects(url: string, left: number): Promise<IncomingMessage> {
  const options: RequestOptions = { timeout: 20_000, headers: { 'user-agent': 'gaugeway' } };
  const request = get(url, options);
  request.once('timeout', () => request.destroy(new Error(`${url} does not answer`)));
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const { statusCode = 0, headers } = answer;
  if (statusCode === 200) return answer;
  answer.resume();
  if (statusCode >= 300 && statusCode < 400 && headers.location && left > 0) {
    return followRedirects(new URL(headers.location, url).href, left - 1);
  }
  throw new Error(`${url} answered ${statusCode}`);
}
