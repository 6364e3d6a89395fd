/**
 * takes: what the ruler queued in the outbox, and the tenants' channels.
 * gives: one message for what belongs together, sent in order and at least once, with a trail of each attempt.
 * never: decides whether an alert is news; reaches a private address where that is not allowed; sends unrecorded.
 * see:   docs/notifications.md
 */
export { createAckLinks, type AckLinks, type Linked } from './ack-link.ts';
export { channelKinds, kindFor, maskChannel, type Channel, type ChannelKind } from './channel.ts';
export { createChannels, shownTarget, type Channels } from './channels.ts';
export { createPost } from './http-post.ts';
export { createKeeper } from './keeper.ts';
export { resendMs } from './channels/alertmanager.ts';
export type {
  Attempt,
  ChannelStore,
  ClaimedMessage,
  DeliveryFilter,
  DeliveryReason,
  DeliveryRow,
  DeliveryTrail,
  LinkedAlert,
  LinkedAlerts,
  Outbox,
  StoredChannel,
  TrailRow,
  Verdict,
} from './ports.ts';
export { createMailer, type Mailer } from './mailer.ts';
export { createSender } from './sender.ts';
export { createTrial, type Trial } from './trial.ts';
export { createWorker, type Worker } from './worker.ts';
