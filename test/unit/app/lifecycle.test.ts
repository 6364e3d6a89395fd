import { describe, expect, it } from 'vitest';
import { createLifecycle } from '../../../src/app/index.ts';
import { createLogger, silentLogger } from '../../../src/platform/index.ts';

describe('lifecycle', () => {
  it('stops in reverse order, each part after the one before has stopped', async () => {
    const lifecycle = createLifecycle(silentLogger);
    const seen: string[] = [];
    for (const name of ['database', 'store', 'server']) {
      lifecycle.onStop(name, async () => {
        seen.push(`${name} stops`);
        await Promise.resolve();
        seen.push(`${name} stopped`);
      });
    }
    await lifecycle.stop();
    expect(seen).toEqual([
      'server stops',
      'server stopped',
      'store stops',
      'store stopped',
      'database stops',
      'database stopped',
    ]);
  });

  it('a part that fails or never ends is named in the log and does not hold up the rest', async () => {
    const lines: string[] = [];
    const log = createLogger({ service: 'app', write: (line) => lines.push(line) });
    const lifecycle = createLifecycle(log);
    let isFirstStopped = false;
    lifecycle.onStop('first', () => {
      isFirstStopped = true;
      return Promise.resolve();
    });
    lifecycle.onStop('broken', () => Promise.reject(new Error('no way')));
    lifecycle.onStop('stuck', () => new Promise(() => undefined), 1);
    await lifecycle.stop();
    expect(isFirstStopped).toBe(true);
    expect(lines.map((line) => JSON.parse(line)).map(({ part, reason }) => [part, reason])).toEqual(
      [
        ['stuck', 'its deadline passed'],
        ['broken', 'no way'],
      ],
    );
  });

  it('stopping twice stops once', async () => {
    const lifecycle = createLifecycle(silentLogger);
    let stops = 0;
    lifecycle.onStop('part', () => {
      stops++;
      return Promise.resolve();
    });
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(stops).toBe(1);
  });
});
