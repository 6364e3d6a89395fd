import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  createEmailSender,
  createNotifyWorker,
  createSender,
  parseTarget,
} from '../notify/index.ts';
import { systemClock } from '../platform/index.ts';
import { createOutbox, type Postgres } from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';

/** The role `worker`, as far as messages go: what is in the outbox reaches people. */
export function startNotify(foundation: Foundation, postgres: Postgres): void {
  const { loaded, lifecycle, meters } = foundation;
  const { notify, smtp, allowPrivateWebhooks, publicUrl } = loaded.config;
  const { smtpUrl } = loaded.secrets;
  const email =
    smtpUrl === undefined
      ? undefined
      : createEmailSender({ url: smtpUrl, from: smtp.from, timeoutMs: notify.timeout });
  const worker = createNotifyWorker({
    outbox: createOutbox(postgres.knex, `${hostname()}:${process.pid}:${randomUUID()}`),
    send: createSender({ email, allowPrivate: allowPrivateWebhooks }),
    targetOf: (_tenantId, channel) => Promise.resolve(parseTarget(channel)),
    acknowledgeUrl: () => undefined,
    publicUrl: publicUrl ?? '',
    retry: { attempts: notify.attempts, firstMs: notify.backoff, random: Math.random },
    ...{ concurrency: notify.concurrency, pollMs: notify.pollInterval },
    ...{ clock: systemClock, meters, log: foundation.log.child('notify') },
  });
  worker.start();
  lifecycle.onStop('notifications', async () => {
    await worker.stop();
    email?.close();
  });
}
