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
export function createBeats({ store, keys, clock, log }: Deps) {
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

  async function nextKey(agent: Agent, beat: Beat): Promise<string | undefined> {
    const { tenantId, hostId } = beat;
    const nowMs = clock.nowMs();
    const isDue =
      agent.rotateWantedAtMs !== null &&
      agent.keyId === beat.keyId &&
      beat.takesKeys &&
      nowMs - (agent.nextKeyAtMs ?? -Infinity) > nextKeyPatienceMs;
    if (!isDue) return undefined;
    const by = systemActor(tenantId);
    const wanted = { name: `agent ${hostId}`, scopes: ['write'] as const, hostId };
    const issued = await keys.create(tenantId, wanted, by);
    await store.change(tenantId, hostId, () => ({ nextKeyId: issued.id, nextKeyAtMs: nowMs }));
    if (agent.nextKeyId !== null) await endKey(tenantId, agent.nextKeyId, by, keys);
    return issued.key;
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
    let agent = await store.change(tenantId, hostId, judge);
    if (judged.isClone) {
      log.warn('a second machine uses the identity of a host', { tenantId, hostId });
      return { kind: 'cloned_machine' };
    }
    await save();
    if (!agent) {
      await store.note(tenantId, hostId);
      agent = await store.change(tenantId, hostId, judge);
    }
    if (!agent) return { kind: 'taken', nextKey: undefined };
    if (agent.nextKeyId === beat.keyId) {
      await superseded(agent, beat);
      return { kind: 'taken', nextKey: undefined };
    }
    return { kind: 'taken', nextKey: await nextKey(agent, beat) };
  };
}
