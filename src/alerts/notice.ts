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
export type SilenceReason = 'unchanged' | 'cooldown' | 'acknowledged' | 'silenced' | 'never-told';

export type NoticeDecision =
  | { send: 'firing' | 'refired' | 'repeat' | 'resolved'; flaps: number }
  | { send: 'nothing'; reason: SilenceReason };

export interface NoticeTerms {
  /** Least time between two firing messages of one alert, milliseconds. */
  cooldownMs: number;
  /** After this an alert that fires on is told again, unless somebody took it over; 0: never. */
  repeatMs: number;
  /** A silence or a maintenance window holds: the message comes when it ends and the alert still fires. */
  isSilenced: boolean;
}

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
  terms: NoticeTerms,
): NoticeStep {
  const known = episode && isOver(episode, atMs, terms.cooldownMs) ? undefined : episode;
  if (isFiring) return decideFiring(known, atMs, terms);
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

function decideFiring(episode: Episode | undefined, atMs: number, terms: NoticeTerms): NoticeStep {
  const open = episode ? reopened(episode) : newEpisode(atMs);
  const isNews = open.told !== 'firing';
  if (!isNews && !isRepeatDue(open, atMs, terms)) return silent(open, 'unchanged');
  if (isAcknowledged(open, atMs)) return silent(open, 'acknowledged');
  if (terms.isSilenced) return silent(open, 'silenced');
  if (isCooling(open, atMs, terms.cooldownMs)) return silent(open, 'cooldown');
  const send = isNews ? (open.told === 'nothing' ? 'firing' : 'refired') : 'repeat';
  return {
    episode: { ...open, told: 'firing', lastFiringNoticeMs: atMs },
    decision: { send, flaps: open.flaps },
  };
}

function newEpisode(atMs: number): Episode {
  return { openedAtMs: atMs, told: 'nothing', flaps: 0 };
}

function isRepeatDue({ lastFiringNoticeMs }: Episode, atMs: number, terms: NoticeTerms): boolean {
  if (terms.repeatMs === 0 || lastFiringNoticeMs === undefined) return false;
  return atMs - lastFiringNoticeMs >= terms.repeatMs;
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
