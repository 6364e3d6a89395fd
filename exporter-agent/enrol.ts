import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseRemoteConfig, saveRemoteConfig } from './config/remote.ts';
import { ConfigError, type AgentConfig } from './config/schema.ts';
import { keepKey, loadCredential } from './credential.ts';
import type { Host } from './host.ts';
import { hostIdPattern, keepHostId, keptHostId, machineFingerprint } from './identity.ts';
import { messageOf } from './log.ts';
import { describe, parseObject, type Answer } from './send/answer.ts';
import { reasonOf } from './send/heartbeat.ts';
import type { Transport } from './send/https.ts';
import { emptyWrite } from './send/remote-write.ts';
import { agentVersion } from './version.ts';

const enrolPath = '/api/v1/agents/enroll';
const timeoutMs = 30_000;

export interface EnrolDeps {
  config: AgentConfig;
  host: Host;
  transport: Transport;
  /** Read only when it is needed. */
  token: () => string;
}

/**
 * `enroll`: a token for this machine's host id and key, both kept in the state directory. A machine whose key works
 * is left as it is, so that the command may be run again.
 */
export async function enrol(deps: EnrolDeps): Promise<{ ok: boolean; text: string }> {
  const { config, transport } = deps;
  const stateDir = config.state_dir;
  const kept = loadCredential(undefined, stateDir);
  const keptId = keptHostId(stateDir);
  if (kept.key !== undefined && keptId !== undefined) {
    transport.useKey(kept.key);
    const { path, body, headers } = emptyWrite;
    const answer = await transport.post(path, body, headers, timeoutMs);
    if (isGood(answer)) return { ok: true, text: `enrolled already as ${keptId}\n` };
    const isRefused = answer.kind === 'answered' && [401, 403].includes(answer.status);
    if (!isRefused) return { ok: false, text: `FAILS the server: ${describe(answer)}\n` };
  }
  // Before a use of the token is spent.
  const problem = whyNotWritable(stateDir);
  if (problem !== undefined)
    return { ok: false, text: `FAILS state_dir ${stateDir}: ${problem}\n` };
  transport.useKey(deps.token());
  const request = Buffer.from(JSON.stringify(await toRequest(deps, keptId)));
  const answer = await transport.post(enrolPath, request, jsonHeaders, timeoutMs);
  if (answer.kind === 'failed' || !isGood(answer)) return { ok: false, text: why(answer) };
  return keep(parseObject(answer.text), config);
}

const jsonHeaders = { 'content-type': 'application/json' };

function isGood(answer: Answer): boolean {
  return answer.kind === 'answered' && answer.status >= 200 && answer.status < 300;
}

async function toRequest({ config, host }: EnrolDeps, keptId: string | undefined) {
  const wanted = config.host_id ?? keptId;
  return {
    hostname: host.hostname,
    machine: await machineFingerprint(join(config.rootfs, 'etc/machine-id'), config.state_dir),
    ...{ boot_id: host.bootId, uptime_seconds: host.uptimeSeconds() },
    ...{ os: process.platform, arch: process.arch, agent_version: agentVersion },
    ...(wanted === undefined ? {} : { host_id: wanted }),
  };
}

function keep(body: Record<string, unknown>, config: AgentConfig): { ok: boolean; text: string } {
  const { host_id: hostId, key, config: pushed } = body;
  if (typeof hostId !== 'string' || !hostIdPattern.test(hostId) || typeof key !== 'string') {
    return { ok: false, text: 'FAILS the server: its answer has no host_id and key\n' };
  }
  const parsed = parseRemoteConfig(pushed);
  if (parsed.ok) saveRemoteConfig(config.state_dir, parsed.config);
  if (!keepHostId(config.state_dir, hostId) || !keepKey(config.state_dir, key)) {
    return { ok: false, text: `FAILS state_dir ${config.state_dir}: cannot be written\n` };
  }
  if (config.host_id !== undefined && config.host_id !== hostId) {
    const text = `FAILS host_id: this machine is ${hostId} to the server, the option says ${config.host_id}: take it out\n`;
    return { ok: false, text };
  }
  return { ok: true, text: `enrolled as ${hostId}\n` };
}

function why(answer: Answer): string {
  const reason = answer.kind === 'answered' ? reasonOf(answer.text) : undefined;
  return `FAILS enrolment: ${reason === undefined ? '' : `${reason}: `}${describe(answer)}\n`;
}

function whyNotWritable(directory: string): string | undefined {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The token from `--token`, or from a file (`-`: standard input), where no process list shows it. */
export function readToken(given: { token?: string; tokenFile?: string }): string {
  const text =
    given.token ?? (given.tokenFile === undefined ? undefined : fromFile(given.tokenFile));
  if (text === undefined) throw new ConfigError('enroll wants --token-file FILE or --token TOKEN');
  if (/^[\w-]{1,128}$/.test(text.trim())) return text.trim();
  throw new ConfigError('the enrolment token is not one line of letters, digits, "_" and "-"');
}

function fromFile(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new ConfigError(`--token-file: ${messageOf(error)}`);
  }
}
