import { messageOf } from '../platform/index.ts';
import type { Label } from '../wire/index.ts';
import type { Aggregates } from './aggregates.ts';
import type { TierStore } from './ports.ts';
import { TierBody } from './tier-body.ts';

/** One body is on its way while the next is made. */
const bodyBytes = 1 << 18;

/** Where the aggregates of one slice go for one tier. */
export interface TierSink {
  /** Why the tier does not take the slice; nothing is sent any more. */
  readonly failure: string | undefined;
  readonly samplesOut: number;
  add(name: string, labels: readonly Label[], made: Aggregates): void;
  /** Waits where more than one body would be on its way. */
  relieve(): Promise<void>;
  /** Sends the rest; everything is acknowledged and flushed then, or `failure` says why not. */
  finish(): Promise<void>;
}

export function createTierSink(store: TierStore, tenantId: string): TierSink {
  const body = new TierBody();
  let failure: string | undefined;
  let samplesOut = 0;
  let onItsWay: Promise<void> = Promise.resolve();

  async function send(): Promise<void> {
    await onItsWay;
    if (failure !== undefined || body.bytes === 0) return;
    samplesOut += body.samples;
    const bytes = body.take();
    onItsWay = store.write(tenantId, bytes).then(
      (wrong) => void (failure ??= wrong),
      (error: unknown) => void (failure ??= messageOf(error)),
    );
  }

  return {
    get failure() {
      return failure;
    },
    get samplesOut() {
      return samplesOut;
    },
    add(name, labels, made) {
      if (failure === undefined) body.add(name, labels, made);
    },
    relieve: async () => {
      if (body.bytes >= bodyBytes) await send();
    },
    async finish() {
      await send();
      await onItsWay;
      if (failure === undefined && samplesOut > 0) await store.flush();
    },
  };
}
