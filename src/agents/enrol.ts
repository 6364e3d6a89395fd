import { createHash } from 'node:crypto';
import type { Actor, AuditEntry, Keys } from '../access/index.ts';
import type { Clock } from '../platform/index.ts';
import type { Agent } from './agent.ts';
import { judgeBoot } from './boots.ts';
import type { AgentConfig } from './config.ts';
import type { AgentStore } from './stores.ts';
import type { EnrolmentThrottle } from './throttle.ts';
import type { EnrolmentToken, TokenRefusal, Tokens, TokenStore } from './tokens.ts';

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
  TokenRefusal | 'no_uses_left' | 'cloned_machine' | 'host_id_taken' | 'too_many_hosts';

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
  tokenStore: TokenStore;
  store: AgentStore;
  keys: Keys;
  throttle: EnrolmentThrottle;
  configOf: (tenantId: string, hostId: string) => AgentConfig;
  maxHostsOf: (tenantId: string) => number;
  clock: Clock;
}

export type Enrol = (
  token: string,
  request: EnrolmentRequest,
  from: { address: string; requestId: string },
) => Promise<EnrolmentOutcome>;

/** Gives a machine its host and key. The same machine gets the same host again, and with the same token at no use. */
export function createEnrol(deps: Deps): Enrol {
  const { tokens, store, throttle, clock } = deps;
  return async (text, request, from) => {
    const waitSeconds = throttle.waitSeconds(from.address);
    if (waitSeconds > 0) return { kind: 'throttled', retryAfterSeconds: waitSeconds };
    const judged = await tokens.judge(text);
    if ('reason' in judged) {
      throttle.refused(from.address);
      return { kind: 'refused', reason: judged.reason };
    }
    const { token } = judged;
    const known = await store.findByMachine(token.tenantId, request.machine);
    const hostId = known?.hostId ?? token.hostId ?? request.hostId ?? hostIdOf(request.machine);
    const reason =
      (known && (await refuseClone(known, request, deps))) ??
      (await refuseHostId(hostId, token, known, store));
    if (reason) return { kind: 'refused', reason };
    if (known?.tokenId !== token.id && !(await deps.tokenStore.spend(token))) {
      return { kind: 'refused', reason: 'no_uses_left' };
    }
    const actor: Actor = {
      ...{ kind: 'system', id: `agent-token:${token.id}`, name: token.name },
      ...{ tenantId: token.tenantId, ip: from.address, requestId: from.requestId },
    };
    const done = await store.enrol(
      { ...toFacts(request), ...ofToken(token, hostId, deps), atMs: clock.nowMs() },
      audited(token, hostId, actor, clock),
    );
    if (done === 'taken') return { kind: 'refused', reason: 'host_id_taken' };
    if (done === 'too_many_hosts') return { kind: 'refused', reason: done };
    const key = await issueKey(token.tenantId, hostId, actor, deps);
    const config = deps.configOf(token.tenantId, hostId);
    return { kind: 'enrolled', host: { hostId, key, config } };
  };
}

/** A name that says nothing of the machine's id and is the same at every try. */
function hostIdOf(machine: string): string {
  return `h-${createHash('sha256').update(machine).digest('hex').slice(0, 16)}`;
}

function toFacts({ hostname, machine, bootId, os, arch, agentVersion }: EnrolmentRequest) {
  return { hostname, machine, bootId, os, arch, agentVersion };
}

function ofToken({ tenantId, id, tags }: EnrolmentToken, hostId: string, deps: Deps) {
  return { tenantId, hostId, tokenId: id, tags, maxHosts: deps.maxHostsOf(tenantId) };
}

function audited(token: EnrolmentToken, hostId: string, actor: Actor, clock: Clock): AuditEntry {
  return {
    ...{ actor, tenantId: token.tenantId, action: 'agent_enrolled', target: `host:${hostId}` },
    atMs: clock.nowMs(),
    details: { token: token.name, token_id: token.id },
  };
}

async function refuseClone(
  known: Agent,
  { bootId, uptimeSeconds }: EnrolmentRequest,
  { store, clock }: Deps,
): Promise<EnrolmentRefusal | undefined> {
  const sign = { bootId, uptimeSeconds, nowMs: clock.nowMs() };
  if (judgeBoot(known, sign).kind === 'own') return undefined;
  // Judged once more with the row locked: a heartbeat may have come between.
  await store.change(known.tenantId, known.hostId, (agent) => judgeBoot(agent, sign).patch);
  return 'cloned_machine';
}

/** A host that is there already belongs to who has it, unless the token was made for it. */
async function refuseHostId(
  hostId: string,
  token: EnrolmentToken,
  known: Agent | undefined,
  store: AgentStore,
): Promise<EnrolmentRefusal | undefined> {
  if (token.hostId !== null) return token.hostId === hostId ? undefined : 'host_id_taken';
  if (known) return undefined;
  return (await store.isHost(token.tenantId, hostId)) ? 'host_id_taken' : undefined;
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
  let unseen: string | null = null;
  await store.change(tenantId, hostId, (agent) => {
    unseen = agent.nextKeyId;
    return agent.keyId === null
      ? { keyId: issued.id }
      : { nextKeyId: issued.id, nextKeyAtMs: clock.nowMs(), rotateWantedAtMs: null };
  });
  if (unseen !== null) await endKey(tenantId, unseen, by, keys);
  return issued.key;
}

export async function endKey(tenantId: string, id: string, by: Actor, keys: Keys): Promise<void> {
  const key = await keys.get(tenantId, id);
  if (key && key.revokedAtMs === null) await keys.revoke(key, by);
}
