import { createHash } from 'node:crypto';
import type { Actor, AuditEntry, Keys } from '../access/index.ts';
import type { Clock } from '../platform/index.ts';
import type { Agent } from './agent.ts';
import { judgeBoot } from './boots.ts';
import type { AgentConfig } from './config.ts';
import type { AgentStore } from './stores.ts';
import type { EnrolmentThrottle } from './throttle.ts';
import type { EnrolmentToken, TokenRefusal, Tokens } from './tokens.ts';

/** What a machine says when it enrols. */
export interface EnrolmentRequest {
  hostname: string;
  /** Hex of an HMAC of the machine's id: the same after a reinstallation of the agent, unlike any other machine's. */
  machine: string;
  bootId: string;
  uptimeSeconds: number | undefined;
  os: string;
  arch: string;
  agentVersion: string;
  /** The name it would like; a machine that is known keeps the one it has. */
  hostId: string | undefined;
}

/** Why a machine is not taken; the words are public API. */
export type EnrolmentRefusal =
  | TokenRefusal
  | 'suspended'
  | 'no_uses_left'
  | 'cloned_machine'
  | 'host_id_taken'
  | 'too_many_hosts';

export interface EnrolledHost {
  hostId: string;
  /** Shown this once. */
  key: string;
  config: AgentConfig;
}

export type EnrolmentOutcome =
  | { kind: 'enrolled'; host: EnrolledHost }
  | { kind: 'throttled'; retryAfterSeconds: number }
  | { kind: 'refused'; reason: EnrolmentRefusal };

interface Deps {
  tokens: Tokens;
  store: AgentStore;
  keys: Keys;
  throttle: EnrolmentThrottle;
  configOf: (tenantId: string, hostId: string) => AgentConfig;
  maxHostsOf: (tenantId: string) => number;
  /** Whether the tenant is served. */
  isActive: (tenantId: string) => boolean;
  onEnrolled: (tenantId: string) => Promise<void>;
  clock: Clock;
}

export type Enrol = (
  token: string,
  request: EnrolmentRequest,
  from: { address: string; requestId: string },
) => Promise<EnrolmentOutcome>;

/** Gives a machine its host and key. The same machine gets the same host again, and with the same token at no use. */
export function createEnrol(deps: Deps): Enrol {
  const { tokens, throttle } = deps;
  return async (text, request, from) => {
    const waitSeconds = throttle.waitSeconds(from.address);
    if (waitSeconds > 0) return { kind: 'throttled', retryAfterSeconds: waitSeconds };
    const judged = await tokens.judge(text);
    if ('reason' in judged) {
      throttle.refused(from.address);
      return { kind: 'refused', reason: judged.reason };
    }
    const { token } = judged;
    if (!deps.isActive(token.tenantId)) return { kind: 'refused', reason: 'suspended' };
    const place = await placeOf(request, token, deps);
    if ('reason' in place) return { kind: 'refused', reason: place.reason };
    const actor: Actor = {
      ...{ kind: 'system', id: `agent-token:${token.id}`, name: token.name },
      ...{ tenantId: token.tenantId, ip: from.address, requestId: from.requestId },
    };
    return give(place.hostId, request, { token, actor }, deps);
  };
}

/** Which host the machine gets, as far as the machine and the token say it. */
async function placeOf(
  request: EnrolmentRequest,
  token: EnrolmentToken,
  deps: Deps,
): Promise<{ hostId: string } | { reason: EnrolmentRefusal }> {
  const known = await deps.store.findByMachine(token.tenantId, request.machine);
  if (known && (await isClone(known, request, deps))) return { reason: 'cloned_machine' };
  const hostId = known?.hostId ?? token.hostId ?? request.hostId ?? hostIdOf(request.machine);
  const isForAnother = token.hostId !== null && token.hostId !== hostId;
  return isForAnother ? { reason: 'host_id_taken' } : { hostId };
}

async function give(
  hostId: string,
  { hostname, machine, bootId, os, arch, agentVersion }: EnrolmentRequest,
  { token, actor }: { token: EnrolmentToken; actor: Actor },
  deps: Deps,
): Promise<EnrolmentOutcome> {
  const { tenantId, id: tokenId, tags } = token;
  const atMs = deps.clock.nowMs();
  const audit: AuditEntry = {
    ...{ actor, tenantId, action: 'agent_enrolled', target: `host:${hostId}`, atMs },
    details: { token: token.name, token_id: tokenId },
  };
  const facts = { hostname, machine, bootId, os, arch, agentVersion };
  const rules = { mayTakeOver: token.hostId === hostId, maxHosts: deps.maxHostsOf(tenantId) };
  const done = await deps.store.enrol(
    { ...facts, ...rules, tenantId, hostId, tokenId, tags, atMs },
    audit,
  );
  if (done !== 'done') return { kind: 'refused', reason: done };
  await deps.onEnrolled(tenantId);
  const key = await issueKey(tenantId, hostId, actor, deps);
  return { kind: 'enrolled', host: { hostId, key, config: deps.configOf(tenantId, hostId) } };
}

/** A name that says nothing of the machine's id and is the same at every try. */
function hostIdOf(machine: string): string {
  return `h-${createHash('sha256').update(machine).digest('hex').slice(0, 16)}`;
}

async function isClone(
  known: Agent,
  { bootId, uptimeSeconds }: EnrolmentRequest,
  { store, clock }: Deps,
): Promise<boolean> {
  const sign = { bootId, uptimeSeconds, nowMs: clock.nowMs() };
  const { kind, patch } = judgeBoot(known, sign);
  if (kind === 'own') return false;
  await store.change(known.tenantId, known.hostId, () => patch);
  return true;
}

/** The key before stays good until the new one is seen; one that was never seen ends now. */
async function issueKey(
  tenantId: string,
  hostId: string,
  by: Actor,
  { keys, store, clock }: Deps,
): Promise<string> {
  const wanted = { name: `agent ${hostId}`, scopes: ['write'] as const, hostId };
  const issued = await keys.create(tenantId, wanted, by);
  const unseen: string[] = [];
  await store.change(tenantId, hostId, (agent) => {
    if (agent.nextKeyId !== null) unseen.push(agent.nextKeyId);
    return agent.keyId === null
      ? { keyId: issued.id }
      : { nextKeyId: issued.id, nextKeyAtMs: clock.nowMs(), rotateWantedAtMs: null };
  });
  for (const id of unseen) await endKey(tenantId, id, by, keys);
  return issued.key;
}

export async function endKey(tenantId: string, id: string, by: Actor, keys: Keys): Promise<void> {
  const key = await keys.get(tenantId, id);
  if (key && key.revokedAtMs === null) await keys.revoke(key, by);
}
