/**
 * takes: rows of the outbox.
 * gives: messages in the form of each channel, at least once and in order, and a trail of every try.
 * never: decides whether an alert is news (the ruler did), follows a redirect, reaches a private address unasked.
 * see:   docs/adr/0006-alert-state-and-leases-in-postgres.md
 */
export type { SendOutcome } from './channel.ts';
export { createEmailSender } from './channels/email.ts';
export type { Message, MessageAlert } from './message.ts';
export type { Attempt, ClaimedBatch, DropReason, Outbox } from './ports.ts';
export { createSender } from './sender.ts';
export { maskTarget, parseTarget, type ChannelKind, type Target } from './target.ts';
export { createNotifyWorker, type NotifyWorker } from './worker.ts';
