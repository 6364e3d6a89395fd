import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../src/agents/index.ts';
import { judgeBoot } from '../../../src/agents/boots.ts';

const minute = 60_000;
const nowMs = 1_800_000_000_000;

const agent = (more: Partial<Agent> = {}): Agent => ({
  ...{ tenantId: 't', hostId: 'h', machine: 'm', tokenId: null, enrolledAtMs: null },
  ...{ bootId: 'a', formerBootId: null, beatAtMs: nowMs - minute / 2 },
  ...{ cloneBootId: null, cloneSeenAtMs: null, keyId: null, nextKeyId: null, nextKeyAtMs: null },
  rotateWantedAtMs: null,
  ...more,
});
const sign = (bootId: string, uptimeSeconds?: number) => ({ bootId, uptimeSeconds, nowMs });
const after = (known: Agent, ...given: Parameters<typeof sign>): Agent => ({
  ...known,
  ...judgeBoot(known, sign(...given)).patch,
});

describe('a heartbeat of another boot', () => {
  it('is the same machine where it booted after the last word of the known one', () => {
    const verdict = judgeBoot(agent(), sign('b', 20));
    expect(verdict).toEqual({ kind: 'own', patch: { bootId: 'b', formerBootId: 'a' } });
  });

  it('is a second machine where it ran already while the known one spoke', () => {
    const verdict = judgeBoot(agent(), sign('b', 3_600));
    expect(verdict).toEqual({
      ...{ kind: 'clone', patch: { cloneBootId: 'b', cloneSeenAtMs: nowMs } },
    });
    expect(judgeBoot(agent(), sign('b')).kind).toBe('clone');
  });

  it('takes over where the known one is silent for more than two minutes, and the flag goes', () => {
    const silent = agent({ beatAtMs: nowMs - 2 * minute - 1, cloneBootId: 'b', cloneSeenAtMs: 1 });
    expect(judgeBoot(silent, sign('b', 3_600))).toEqual({
      kind: 'own',
      patch: { bootId: 'b', formerBootId: 'a', cloneBootId: null, cloneSeenAtMs: null },
    });
    expect(judgeBoot(agent({ beatAtMs: nowMs - 2 * minute }), sign('b', 3_600)).kind).toBe('clone');
  });

  it('that returns after another one is the first machine: the other was no reboot', () => {
    const fooled = after(agent(), 'b', 20);
    const restored = after({ ...fooled, beatAtMs: nowMs }, 'a', 3_600);
    expect(restored).toMatchObject({ bootId: 'a', formerBootId: null, cloneBootId: 'b' });
    expect(judgeBoot(restored, sign('b', 1)).kind).toBe('clone');
  });

  it('says nothing where the agent could not read its boot', () => {
    expect(judgeBoot(agent(), sign(''))).toEqual({ kind: 'own', patch: {} });
    expect(judgeBoot(agent({ bootId: null }), sign('b')).patch).toEqual({ bootId: 'b' });
  });

  it('never leaves a host without a machine that may speak, whatever comes in which order', () => {
    const beat = fc.record({
      bootId: fc.constantFrom('a', 'b', 'c', ''),
      uptimeSeconds: fc.option(fc.integer({ min: 0, max: 500 }), { nil: undefined }),
      passedMs: fc.integer({ min: 0, max: 3 * minute }),
    });
    fc.assert(
      fc.property(fc.array(beat, { minLength: 1, maxLength: 40 }), (beats) => {
        let known = agent({ bootId: null, beatAtMs: null });
        let atMs = nowMs;
        for (const { passedMs, ...rest } of beats) {
          atMs += passedMs;
          const verdict = judgeBoot(known, { ...rest, nowMs: atMs });
          const beatAtMs = verdict.kind === 'own' ? atMs : known.beatAtMs;
          known = { ...known, ...verdict.patch, beatAtMs };
          expect(known.cloneBootId === null || known.cloneBootId !== known.bootId).toBe(true);
        }
        const own = { bootId: known.bootId ?? '', uptimeSeconds: 1, nowMs: atMs };
        expect(judgeBoot(known, own).kind).toBe('own');
      }),
    );
  });
});
