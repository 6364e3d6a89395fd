import { describe, expect, it } from 'vitest';
import type { AlertReader, AlertTail } from '../../../src/live/alert-tail.ts';
import { onSubscribe, onUnsubscribe, type Asked } from '../../../src/live/requests.ts';

/** A client of a tail whose `add` ends when the test says so. */
function listening() {
  const readers = new Set<AlertReader>();
  const adding: { done: () => void; fail: () => void }[] = [];
  const tail: AlertTail = {
    add: (reader) =>
      new Promise((resolve, reject) => {
        adding.push({
          done: () => {
            readers.add(reader);
            resolve('1.1');
          },
          fail: () => reject(new Error('the database is away')),
        });
      }),
    remove: (reader) => void readers.delete(reader),
    close: () => Promise.resolve(),
  };
  const socket = { disconnected: false, leave: () => undefined };
  const client = {
    ...{ socket, principal: { tenantId: 'default' }, rooms: new Set<string>() },
    asked: { second: 0, count: 0 },
  };
  const deps = { clock: { nowMs: () => 0 }, config: { maxRooms: 3 } };
  const asked = { client, deps, tail, wake: () => undefined } as unknown as Asked;
  const subscribe = (): Promise<unknown> =>
    new Promise((resolve) => void onSubscribe(asked, [{ room: 'alerts' }, resolve]));
  return { readers, adding, asked, client, subscribe };
}

describe('who subscribes to alerts', () => {
  it('and leaves before the answer is told nothing, and once when it comes again', async () => {
    const { readers, adding, asked, subscribe } = listening();
    const first = subscribe();
    onUnsubscribe(asked, [{ room: 'alerts' }]);
    const second = subscribe();
    for (const { done } of adding) done();
    await Promise.all([first, second]);
    expect(readers.size).toBe(1);
    onUnsubscribe(asked, [{ room: 'alerts' }]);
    expect(readers.size).toBe(0);
  });

  it('while the database is away is told so, and subscribes at the next wish', async () => {
    const { readers, adding, client, subscribe } = listening();
    const first = subscribe();
    adding[0]?.fail();
    expect(await first).toEqual({ ok: false, code: 'UNAVAILABLE' });
    expect(client.rooms.size).toBe(0);
    const second = subscribe();
    adding[1]?.done();
    expect(await second).toEqual({ ok: true, cursor: '1.1' });
    expect(readers.size).toBe(1);
  });

  it('and is gone before the answer is not kept', async () => {
    const { readers, adding, client, subscribe } = listening();
    const first = subscribe();
    client.socket.disconnected = true;
    adding[0]?.done();
    await first;
    expect(readers.size).toBe(0);
  });
});
