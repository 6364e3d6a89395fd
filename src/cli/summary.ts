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
    'Watch another Linux host (Node 20 or newer there):',
    `  scp dist/gaugeway-agent.js HOST:gaugeway-agent.mjs && ssh HOST ${agentVariables(serving, config, write)} node --jitless --max-semi-space-size=1 --no-node-snapshot gaugeway-agent.mjs`,
    'Send from a Prometheus that you have:',
    `  remote_write: [{ url: '${url}/api/v1/write', authorization: { credentials: '${write}' } }]`,
    ...(isLoopback(config) ? loopbackLines : []),
    '',
    'Ctrl-C stops everything.',
    '',
  ].join('\n');
}

/** What the agent on another host is told; over plain HTTP it must be told that this is meant. */
function agentVariables({ url }: Serving, config: Config, key: string): string {
  const reachable = isLoopback(config)
    ? url.replace(/127\.0\.0\.1|localhost|\[::1\]/, hostname())
    : url;
  const insecure = url.startsWith('http:') ? ['GAUGEWAY_AGENT_INSECURE_HTTP=true'] : [];
  return [
    `GAUGEWAY_AGENT_URL=${reachable}`,
    `GAUGEWAY_AGENT_KEY=${key}`,
    'GAUGEWAY_AGENT_STATE_DIR=.gaugeway-agent',
    ...insecure,
  ].join(' ');
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
