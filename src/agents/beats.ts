import { systemActor, type Keys } from '../access/index.ts';
import type { Clock, Logger } from '../platform/index.ts';
import type { Agent } from './agent.ts';
import { judgeBoot } from './boots.ts';
import { endKey } from './enrol.ts';
import type { AgentStore } from './stores.ts';

/** A heartbeat as far as this room reads it. */
export interface Beat {
  tenantId: string;
  hostId: string;
  /** The key it came with. */
  keyId: string;
  bootId: string;
  uptimeSeconds: number | undefined;
  /** The agent keeps its key in its state directory and can replace it. */
  takesKeys: boolean;
}

export type BeatOutcome =
  | { kind: 'taken'; nextKey: string | undefined }
  /** A second machine with the identity of one that lives. */
  | { kind: 'cloned_machine' };

interface Deps {
  store: AgentStore;
  keys: Keys;
  clock: Clock;
  log: Logger;
}

/** A key that was handed out and is not used: lost on the way, so another one is made. */
const nextKeyPatienceMs = 300_000;

/**
 * Judges the boot, ends a predecessor whose successor is in use, and hands out a successor where one is wanted.
 * `save` keeps the report; it runs only for the machine that speaks for the host.
 */
export function createBeats(deps: Deps) {
  const { store, keys, clock, log } = deps;
  async function superseded(agent: Agent, beat: Beat): Promise<void> {
    const { tenantId, hostId } = beat;
    if (agent.keyId !== null) await endKey(tenantId, agent.keyId, systemActor(tenantId), keys);
    await store.change(tenantId, hostId, ({ nextKeyId }) =>
      nextKeyId === beat.keyId
        ? { keyId: beat.keyId, nextKeyId: null, nextKeyAtMs: null, rotateWantedAtMs: null }
        : {},
    );
    log.info('the new key of an agent is in use, the old one has ended', { tenantId, hostId });
  }

  return async (beat: Beat, save: () => Promise<void>): Promise<BeatOutcome> => {
    const { tenantId, hostId } = beat;
    const nowMs = clock.nowMs();
    const judged = { isClone: false };
    const judge = (agent: Agent) => {
      const verdict = judgeBoot(agent, { ...beat, nowMs });
      judged.isClone = verdict.kind === 'clone';
      return judged.isClone ? verdict.patch : { ...verdict.patch, beatAtMs: nowMs };
    };
    let agent = await store.beat(tenantId, hostId, judge);
    if (judged.isClone) {
      log.warn('a second machine uses the identity of a host', { tenantId, hostId });
      return { kind: 'cloned_machine' };
    }
    await save();
    if (!agent) {
      await store.note(tenantId, hostId);
      agent = await store.beat(tenantId, hostId, judge);
    }
    if (!agent) return { kind: 'taken', nextKey: undefined };
    if (agent.nextKeyId === beat.keyId) {
      await superseded(agent, beat);
      return { kind: 'taken', nextKey: undefined };
    }
    return { kind: 'taken', nextKey: await nextKey(agent, beat, deps) };
  };
}

/** Hands out a successor of the key where one is wanted. */
async function nextKey(
  agent: Agent,
  beat: Beat,
  { store, keys, clock }: Deps,
): Promise<string | undefined> {
  const { tenantId, hostId } = beat;
  const nowMs = clock.nowMs();
  if (!isDue(agent, beat, nowMs)) return undefined;
  // Heartbeats may cross: one of them has the key made.
  const lost: (string | null)[] = [];
  await store.change(tenantId, hostId, (locked) => {
    if (!isDue(locked, beat, nowMs)) return {};
    lost.push(locked.nextKeyId);
    return { nextKeyAtMs: nowMs };
  });
  if (lost[0] === undefined) return undefined;
  const by = systemActor(tenantId);
  const wanted = { name: `agent ${hostId}`, scopes: ['write'] as const, hostId };
  const issued = await keys.create(tenantId, wanted, by);
  const after = await store.change(tenantId, hostId, ({ nextKeyAtMs, rotateWantedAtMs }) =>
    nextKeyAtMs === nowMs && rotateWantedAtMs !== null ? { nextKeyId: issued.id } : {},
  );
  // The machine enrolled meanwhile: it has a new key from that.
  const isWanted = after?.nextKeyId === issued.id;
  const ended = isWanted ? lost[0] : issued.id;
  if (ended !== null) await endKey(tenantId, ended, by, keys);
  return isWanted ? issued.key : undefined;
}

function isDue(agent: Agent, { keyId, takesKeys }: Beat, nowMs: number): boolean {
  return (
    agent.rotateWantedAtMs !== null &&
    agent.keyId === keyId &&
    takesKeys &&
    nowMs - (agent.nextKeyAtMs ?? -Infinity) > nextKeyPatienceMs
  );
}
