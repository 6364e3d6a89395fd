export interface Acknowledgement {
  by: string;
  atMs: number;
  comment: string;
  /** After this it no longer holds anything back. */
  untilMs?: number;
}

/**
 * What people were told of one alert, from its first firing until the cooldown after it has passed. A new firing within
 * the cooldown belongs to the same episode.
 */
export interface Episode {
  readonly openedAtMs: number;
  readonly closedAtMs?: number | undefined;
  /** The last message about it said this; `nothing` before the first. */
  readonly told: 'nothing' | 'firing' | 'resolved';
  readonly lastFiringNoticeMs?: number;
  /** How often it came back within the cooldown. */
  readonly flaps: number;
  readonly acknowledgement?: Acknowledgement | undefined;
}

/** Why nobody is told. Public: a row of the delivery trail. */
export type SilenceReason = 'unchanged' | 'cooldown' | 'acknowledged' | 'never-told';

export type NoticeDecision =
  | { send: 'firing' | 'refired' | 'resolved'; flaps: number }
  | { send: 'nothing'; reason: SilenceReason };

export interface NoticeStep {
  /** Undefined once there is nothing left to remember. */
  episode: Episode | undefined;
  decision: NoticeDecision;
}

/**
 * Whether an alert's state at an evaluation is news. The state itself stays truthful; only messages are held back: of
 * two firing messages of one alert the second comes `cooldownMs` after the first or later, and every firing message is
 * followed by one resolved message.
 */
export function decideNotice(
  episode: Episode | undefined,
  isFiring: boolean,
  atMs: number,
  cooldownMs: number,
): NoticeStep {
  const known = episode && isOver(episode, atMs, cooldownMs) ? undefined : episode;
  if (isFiring) return decideFiring(known, atMs, cooldownMs);
  return known ? decideResolved(known, atMs) : silent(undefined, 'unchanged');
}

/** Closed, and the cooldown of its last firing message has passed. */
function isOver(episode: Episode, atMs: number, cooldownMs: number): boolean {
  return episode.closedAtMs !== undefined && !isCooling(episode, atMs, cooldownMs);
}

function isCooling({ lastFiringNoticeMs }: Episode, atMs: number, cooldownMs: number): boolean {
  return lastFiringNoticeMs !== undefined && atMs - lastFiringNoticeMs < cooldownMs;
}

function silent(episode: Episode | undefined, reason: SilenceReason): NoticeStep {
  return { episode, decision: { send: 'nothing', reason } };
}

function decideFiring(episode: Episode | undefined, atMs: number, cooldownMs: number): NoticeStep {
  if (episode === undefined) {
    const opened: Episode = {
      openedAtMs: atMs,
      told: 'firing',
      lastFiringNoticeMs: atMs,
      flaps: 0,
    };
    return { episode: opened, decision: { send: 'firing', flaps: 0 } };
  }
  const open = reopened(episode);
  if (open.told === 'firing') return silent(open, 'unchanged');
  if (isAcknowledged(open, atMs)) return silent(open, 'acknowledged');
  if (isCooling(open, atMs, cooldownMs)) return silent(open, 'cooldown');
  return {
    episode: { ...open, told: 'firing', lastFiringNoticeMs: atMs },
    decision: { send: 'refired', flaps: open.flaps },
  };
}

function reopened(episode: Episode): Episode {
  if (episode.closedAtMs === undefined) return episode;
  return { ...episode, closedAtMs: undefined, flaps: episode.flaps + 1 };
}

function decideResolved(episode: Episode, atMs: number): NoticeStep {
  if (episode.closedAtMs !== undefined) return silent(episode, 'unchanged');
  const closed = { ...episode, closedAtMs: atMs };
  if (episode.told !== 'firing') return silent(closed, 'never-told');
  return {
    episode: { ...closed, told: 'resolved' },
    decision: { send: 'resolved', flaps: episode.flaps },
  };
}

export function isAcknowledged({ acknowledgement }: Episode, atMs: number): boolean {
  return acknowledgement !== undefined && atMs < (acknowledgement.untilMs ?? Infinity);
}

export type AcknowledgeOutcome =
  { ok: true; episode: Episode; changed: boolean } | { ok: false; reason: 'not-firing' };

/** A person takes the alert over. The same person again changes nothing; the resolved message still comes. */
export function acknowledge(
  episode: Episode | undefined,
  acknowledgement: Acknowledgement,
): AcknowledgeOutcome {
  if (episode === undefined || episode.closedAtMs !== undefined) {
    return { ok: false, reason: 'not-firing' };
  }
  const held = isAcknowledged(episode, acknowledgement.atMs) ? episode.acknowledgement : undefined;
  const same =
    held?.by === acknowledgement.by &&
    held.comment === acknowledgement.comment &&
    held.untilMs === acknowledgement.untilMs;
  if (same) return { ok: true, episode, changed: false };
  return { ok: true, episode: { ...episode, acknowledgement }, changed: true };
}

export function withdrawAcknowledgement(episode: Episode): Episode {
  return { ...episode, acknowledgement: undefined };
}
