import { randomUUID } from 'node:crypto';
import type { Actor, AuditAction, AuditEntry } from '../access/index.ts';
import {
  compileMatchers,
  requireMatcher,
  type Silence,
  type SilenceMatcher,
} from '../alerts/index.ts';
import { GaugewayError, type Clock } from '../platform/index.ts';
import type { SilenceStore } from './ports.ts';

export type SilenceState = 'active' | 'pending' | 'expired';

/** What a silence is to be. */
export interface SilenceWish {
  kind: Silence['kind'];
  matchers: readonly SilenceMatcher[];
  startsAtMs: number;
  endsAtMs: number;
  createdBy: string;
  comment: string;
}

/** Silences and maintenance windows; each has an end. Refusals are thrown as BAD_REQUEST. */
export interface Silences {
  /** Active, to come, and ended within the last days. */
  list(tenantId: string): Promise<Silence[]>;
  get(tenantId: string, id: string): Promise<Silence | undefined>;
  stateOf(silence: Silence): SilenceState;
  add(tenantId: string, wish: SilenceWish, by: Actor): Promise<Silence>;
  /**
   * The end and the comment of an active one can be changed; with other matchers or another start it ends and a new one
   * takes its place, so that what held people back stays on record. Undefined where there is none.
   */
  change(tenantId: string, id: string, wish: SilenceWish, by: Actor): Promise<Silence | undefined>;
  /** Ends it now. Undefined where there is none; one that has ended stays as it is. */
  expire(tenantId: string, id: string, by: Actor): Promise<Silence | undefined>;
}

const dayMs = 86_400_000;
/** Whoever needs longer changes the rule: a silence that is forgotten hides an outage. */
const longestMs = 92 * dayMs;
/** How long ended ones are listed, as in Alertmanager (`--data.retention`). */
const listedMs = 5 * dayMs;
const keptMs = 365 * dayMs;
const mostMatchers = 50;

export function createSilences({ store, clock }: { store: SilenceStore; clock: Clock }): Silences {
  const stateOf = ({ startsAtMs, endsAtMs }: Silence): SilenceState => {
    const nowMs = clock.nowMs();
    if (endsAtMs <= nowMs) return 'expired';
    return startsAtMs > nowMs ? 'pending' : 'active';
  };
  const put = async (
    tenantId: string,
    silence: Silence,
    action: AuditAction,
    { by, before }: { by: Actor; before?: Silence },
  ): Promise<Silence> => {
    const atMs = clock.nowMs();
    const details = { ...(before ? { before } : {}), after: silence };
    const target = `silence:${silence.id}`;
    const audit: AuditEntry = { actor: by, tenantId, action, target, atMs, details };
    await store.put(tenantId, silence, atMs - keptMs, audit);
    return silence;
  };
  const silences: Silences = {
    stateOf,
    list: (tenantId) => store.list(tenantId, clock.nowMs() - listedMs),
    get: (tenantId, id) => store.find(tenantId, id),
    add(tenantId, wish, by) {
      const nowMs = clock.nowMs();
      // As Alertmanager: what begins in the past begins now.
      const startsAtMs = Math.max(wish.startsAtMs, nowMs);
      const silence = { ...wish, startsAtMs, id: randomUUID(), updatedAtMs: nowMs };
      requireSilence(silence, nowMs);
      return put(tenantId, silence, 'silence_created', { by });
    },
    async change(tenantId, id, wish, by) {
      const before = await store.find(tenantId, id);
      if (before === undefined) return undefined;
      const nowMs = clock.nowMs();
      const isSame = canBecome(before, wish, stateOf(before));
      if (!isSame) {
        const added = await silences.add(tenantId, wish, by);
        if (stateOf(before) !== 'expired') await silences.expire(tenantId, id, by);
        return added;
      }
      const startsAtMs =
        stateOf(before) === 'active' ? before.startsAtMs : Math.max(wish.startsAtMs, nowMs);
      const { kind, createdBy } = before;
      const silence = { ...wish, kind, createdBy, startsAtMs, id, updatedAtMs: nowMs };
      requireSilence(silence, nowMs);
      return put(tenantId, silence, 'silence_updated', { by, before });
    },
    async expire(tenantId, id, by) {
      const before = await store.find(tenantId, id);
      if (before === undefined || stateOf(before) === 'expired') return before;
      const nowMs = clock.nowMs();
      const startsAtMs = Math.min(before.startsAtMs, nowMs);
      const silence = { ...before, startsAtMs, endsAtMs: nowMs, updatedAtMs: nowMs };
      return put(tenantId, silence, 'silence_expired', { by, before });
    },
  };
  return silences;
}

/** Whether it can stay the same silence (Alertmanager's `canUpdate`). */
function canBecome(before: Silence, wish: SilenceWish, state: SilenceState): boolean {
  if (keyOf(before.matchers) !== keyOf(wish.matchers)) return false;
  if (state === 'expired') return false;
  return state === 'pending' || wish.startsAtMs === before.startsAtMs;
}

const keyOf = (matchers: readonly SilenceMatcher[]): string =>
  matchers
    .map(({ name, value, isRegex, isEqual }) => JSON.stringify([name, value, isRegex, isEqual]))
    .sort()
    .join();

/** Throws BAD_REQUEST with Alertmanager's reasons. */
function requireSilence({ matchers, startsAtMs, endsAtMs }: Silence, nowMs: number): void {
  const refuse = (message: string): never => {
    throw new GaugewayError('BAD_REQUEST', message);
  };
  requireMatchers(matchers);
  if (endsAtMs < startsAtMs) refuse('end time must not be before start time');
  if (endsAtMs <= nowMs) refuse("end time can't be in the past");
  if (endsAtMs - startsAtMs > longestMs) {
    refuse(`a silence lasts ${String(longestMs / dayMs)} days at most`);
  }
}

/** Throws BAD_REQUEST for none, for too many, for bad ones, and for those that hold every alert back. */
export function requireMatchers(matchers: readonly SilenceMatcher[]): void {
  if (matchers.length === 0) {
    throw new GaugewayError('BAD_REQUEST', 'at least one matcher required');
  }
  if (matchers.length > mostMatchers) {
    throw new GaugewayError('BAD_REQUEST', `more than ${String(mostMatchers)} matchers`);
  }
  matchers.forEach(requireMatcher);
  if (compileMatchers(matchers)(new Map())) {
    throw new GaugewayError('BAD_REQUEST', 'at least one matcher must not match the empty string');
  }
}
