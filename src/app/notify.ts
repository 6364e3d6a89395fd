import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { acknowledgeLinkRoutes, channelRoutes, deliveryRoutes, type Route } from '../http/index.ts';
import {
  createAckLinks,
  createChannels,
  createKeeper,
  createPost,
  createSender,
  createTrial,
  createWorker,
  type AckLinks,
  type Channels,
  type Worker,
} from '../notify/index.ts';
import { systemClock } from '../platform/index.ts';
import {
  createChannelStore,
  createDeliveryTrail,
  createLeases,
  createLinkedAlertStore,
  createOutboxStore,
  type ChangeFeed,
  type Postgres,
} from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';
import { parseListen } from './listen-address.ts';

const pollMs = 500;
/** Outlives a missed turn, and no more. */
const keeperLeaseFactor = 2.5;

export interface Notifiers {
  channels: Channels;
  /** Of the role `api`. */
  routes: readonly Route[];
  /** Of the role `worker`. */
  worker: Worker | undefined;
}

/** Channels for every role, the routes of them for `api`, and for the role `worker` what sends. */
export async function startNotify(
  foundation: Foundation,
  postgres: Postgres,
  changes: ChangeFeed,
  isServed: (tenantId: string) => boolean,
): Promise<Notifiers> {
  const { loaded, lifecycle, keyFor, roles, version } = foundation;
  const { notify: config, allowPrivateWebhooks, smtp } = loaded.config;
  const clock = systemClock;
  const log = foundation.log.child('notify');
  const { knex } = postgres;
  const channels = createChannels({ store: createChannelStore(knex), changes, clock, log });
  await channels.start();
  const post = createPost({
    ...{ allowPrivate: allowPrivateWebhooks, timeoutMs: config.timeout },
    userAgent: `Gaugeway/${version}`,
  });
  const { smtpUrl } = loaded.secrets;
  const sender = createSender({
    post,
    smtp:
      smtpUrl === undefined
        ? undefined
        : { url: smtpUrl, from: smtp.from, timeoutMs: config.timeout },
  });
  lifecycle.onStop('mail transport', () => {
    sender.close();
    return Promise.resolve();
  });
  const links = createAckLinks({ key: keyFor('ack-link'), clock });
  const publicUrl = publicUrlOf(foundation);
  const worker = roles.has('worker')
    ? startWorker({ foundation, postgres, channels, sender, post, links })
    : undefined;
  return {
    ...{ channels, worker },
    routes: [
      ...channelRoutes({ channels, tryOut: createTrial({ send: sender.send, publicUrl, clock }) }),
      ...deliveryRoutes({ trail: createDeliveryTrail(knex) }),
      ...acknowledgeLinkRoutes({
        links: servedLinks(links, isServed),
        alerts: createLinkedAlertStore(knex),
      }),
    ],
  };
}

/** A link of a tenant that is not served is none: it tells nothing and changes nothing. */
function servedLinks(links: AckLinks, isServed: (tenantId: string) => boolean): AckLinks {
  return {
    ...links,
    read(token) {
      const verdict = links.read(token);
      const isResting = verdict.ok && !isServed(verdict.linked.tenantId);
      return isResting ? { ok: false, reason: 'tampered' } : verdict;
    },
  };
}

interface WorkerParts {
  foundation: Foundation;
  postgres: Postgres;
  channels: Channels;
  sender: ReturnType<typeof createSender>;
  post: ReturnType<typeof createPost>;
  links: ReturnType<typeof createAckLinks>;
}

function startWorker({ foundation, postgres, channels, ...parts }: WorkerParts): Worker {
  const { lifecycle, loaded, meters } = foundation;
  const { attempts, backoff, groupWait, resendInterval } = loaded.config.notify;
  const log = foundation.log.child('notify');
  const outbox = createOutboxStore(postgres.knex);
  const name = `${hostname()}:${process.pid}:${randomUUID()}`;
  const clock = systemClock;
  const worker = createWorker({
    ...{ outbox, send: parts.sender.send, links: parts.links, worker: name },
    find: (tenantId, channel) => channels.find(tenantId, channel),
    ...{ clock, random: Math.random, meters, log },
    config: {
      ...{ attempts, backoffMs: backoff, groupWaitMs: groupWait, pollMs },
      publicUrl: publicUrlOf(foundation),
    },
  });
  worker.start();
  lifecycle.onStop('notifications', () => worker.stop());
  const leases = createLeases(postgres.knex, name);
  const ttlMs = resendInterval * keeperLeaseFactor;
  const keeper = createKeeper({
    ...{ outbox, channels, post: parts.post, everyMs: resendInterval, clock, log },
    isMine: async () => (await leases.acquire('notify-keeper', ttlMs)) !== undefined,
  });
  keeper.start();
  lifecycle.onStop('alerts kept alive', () => keeper.stop());
  return worker;
}

/** Where links in messages lead; without a public URL to where this process listens, as far as that is one address. */
function publicUrlOf({ loaded }: Foundation): string {
  const { listen, publicUrl, tls } = loaded.config;
  if (publicUrl !== undefined) return publicUrl;
  const { host, port } = parseListen(listen);
  if (port === 0 || host === '' || host === '0.0.0.0' || host === '::') return '';
  const name = host.includes(':') ? `[${host}]` : host;
  return `${tls.cert === undefined ? 'http' : 'https'}://${name}:${String(port)}`;
}
