import { randomUUID } from 'node:crypto';
import type { Clock } from '../platform/index.ts';
import type { Channel } from './channel.ts';
import { toMessageAlert } from './message.ts';
import type { SendOutcome } from './outcome.ts';
import type { Send } from './sender.ts';

export type Trial = SendOutcome & { durationMs: number };

/** Sends one message that says it is a test, once, and tells what the receiver said. */
export function createTrial(deps: { send: Send; publicUrl: string; clock: Clock }) {
  return async (channel: Channel): Promise<Trial> => {
    const { clock, publicUrl } = deps;
    const atMs = clock.nowMs();
    const alert = toMessageAlert(
      {
        ...{ incidentId: randomUUID(), kind: 'firing' },
        alert: {
          ruleName: 'Test of a channel',
          labels: { alertname: 'Test of a channel', severity: 'info', test: 'true' },
          annotations: { summary: 'Nothing is wrong: somebody tried this channel.' },
          ...{ value: 1, severity: 'info', startsAtMs: atMs, flaps: 0 },
        },
      },
      undefined,
    );
    const before = clock.monotonicMs();
    const outcome = await deps.send({
      ...{ id: randomUUID(), channel, ruleName: alert.ruleName, groupKey: 'test', atMs, publicUrl },
      alerts: [alert],
    });
    return { ...outcome, durationMs: clock.monotonicMs() - before };
  };
}
