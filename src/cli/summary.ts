import { hostname } from 'node:os';
import type { Config } from '../platform/index.ts';
import { parseListen, type Serving } from '../app/index.ts';

/** What a person sees once everything runs: the address, the first login, and three things to copy. */
export function summaryOf(serving: Serving, config: Config): string {
  const { url, firstStart, keys } = serving;
  const read = keys?.read ?? 'READ_KEY';
  const write = keys?.write ?? 'WRITE_KEY';
  return [
    '',
    `Gaugeway is ready at ${url}`,
    ...(firstStart ? loginLines(firstStart) : []),
    '',
    "Ask for this host's CPU:",
    `  curl -s -H 'Authorization: Bearer ${read}' '${url}/api/v1/query?query=cpu_utilization'`,
    'Watch another Linux host (the token is good for ten hosts, for an hour):',
    `  ${installLine(serving, config)}`,
    'Send from a Prometheus that you have:',
    `  remote_write: [{ url: '${url}/api/v1/write', authorization: { credentials: '${write}' } }]`,
    ...(isLoopback(config) ? loopbackLines : []),
    '',
    'Ctrl-C stops everything.',
    '',
  ].join('\n');
}

/** Over plain HTTP the script must be told that this is meant. */
function installLine({ url, enrolmentToken }: Serving, config: Config): string {
  const reachable =
    config.publicUrl ??
    (isLoopback(config) ? url.replace(/127\.0\.0\.1|localhost|\[::1\]/, hostname()) : url);
  const options = [
    `--token ${enrolmentToken ?? 'TOKEN'}`,
    ...(reachable.startsWith('http:') ? ['--insecure-http'] : []),
  ];
  return `curl -fsSL ${reachable.replace(/\/$/, '')}/install.sh | sudo sh -s -- ${options.join(' ')}`;
}

const loopbackLines = [
  '',
  'Only this machine can reach it. For others: GAUGEWAY_LISTEN=0.0.0.0:8080, with GAUGEWAY_TLS_CERT and GAUGEWAY_TLS_KEY.',
];

function loginLines(first: NonNullable<Serving['firstStart']>): string[] {
  return [
    `  administrator: ${first.email}`,
    ...(first.password === undefined
      ? []
      : [`  password:      ${first.password}   (shown this once)`]),
  ];
}

function isLoopback(config: Config): boolean {
  return /^(127\.|::1$|localhost$)/.test(parseListen(config.listen).host);
}
