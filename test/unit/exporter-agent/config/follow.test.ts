import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFollower } from '../../../../exporter-agent/config/follow.ts';
import type { RemoteConfig } from '../../../../exporter-agent/config/remote.ts';
import { createLogger } from '../../../../exporter-agent/log.ts';
import type { Answer } from '../../../../exporter-agent/send/answer.ts';

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'gaugeway-follow-'));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const answered = (more: object): Answer => ({
  ...{ kind: 'answered', status: 200, retryAfterMs: undefined, text: '' },
  ...more,
});
const told = (version: string) => answered({ headers: { 'x-agent-config': version } });

function setUp(options: { takesConfig?: boolean; onConfig?: (config: RemoteConfig) => void } = {}) {
  const asked: Record<string, string>[] = [];
  const server = { answer: answered({ text: '{"version":"1","interval_seconds":9}' }) };
  const report = vi.fn(() => Promise.resolve());
  const applied: RemoteConfig[] = [];
  const follower = createFollower({
    ...{ hostId: 'h 1', stateDir, takesConfig: options.takesConfig ?? true, report },
    transport: {
      get: (path, headers) => {
        asked.push({ path, ...headers });
        return Promise.resolve(server.answer);
      },
    },
    onConfig: options.onConfig ?? ((config) => applied.push(config)),
    clock: { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() },
    random: () => 0.5,
    log: createLogger({ level: 'error', nowMs: () => 0, write: () => undefined }),
  });
  return { follower, asked, server, report, applied };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('following the configuration of the server', () => {
  it('fetches, applies, keeps and reports a version that an answer names, once', async () => {
    const { follower, asked, report, applied } = setUp();
    follower.heard(told('1'));
    follower.heard(told('1'));
    await settled();
    follower.heard(told('1'));
    await settled();
    expect(asked).toEqual([{ path: '/api/v1/agents/self/config?host_id=h%201' }]);
    expect(applied).toEqual([{ version: '1', intervalSeconds: 9 }]);
    expect(follower.config()).toEqual(applied[0]);
    expect(report).toHaveBeenCalledTimes(1);
    expect(setUp().follower.config()).toEqual(applied[0]);
  });

  it('says which version it has when it asks for another one', async () => {
    const { follower, asked, server, applied } = setUp();
    follower.heard(told('1'));
    await settled();
    server.answer = answered({ text: '{"version":"2"}' });
    follower.heard(told('2'));
    await settled();
    expect(asked[1]).toMatchObject({ 'if-none-match': '"1"' });
    expect(applied[1]).toEqual({ version: '2' });
  });

  it('keeps what it has where the new one is out of bounds, says why, and asks no more for it', async () => {
    const { follower, asked, server } = setUp();
    follower.heard(told('1'));
    await settled();
    server.answer = answered({ text: '{"version":"2","interval_seconds":0}' });
    for (let i = 0; i < 3; i += 1) {
      follower.heard(told('2'));
      await settled();
    }
    expect(follower.config()).toMatchObject({ version: '1' });
    expect(follower.error()).toBe('interval_seconds outside 1 to 300');
    expect(asked).toHaveLength(2);
    server.answer = answered({ text: '{"version":"3"}' });
    follower.heard(told('3'));
    await settled();
    expect(follower.error()).toBeNull();
    expect(JSON.parse(readFileSync(join(stateDir, 'remote-config.json'), 'utf8'))).toEqual({
      version: '3',
    });
  });

  it('says why where it cannot be applied', async () => {
    const { follower } = setUp({
      onConfig: () => {
        throw new Error('no such thing here');
      },
    });
    follower.heard(told('1'));
    await settled();
    expect(follower.config()).toBeUndefined();
    expect(follower.error()).toBe('no such thing here');
  });

  it('asks again where the server could not answer, or answered with an earlier version', async () => {
    const { follower, asked, server } = setUp();
    server.answer = { kind: 'failed', message: 'away' };
    follower.heard(told('2'));
    await settled();
    server.answer = answered({ text: '{"version":"1"}' });
    follower.heard(told('2'));
    await settled();
    server.answer = answered({ text: '{"version":"2"}' });
    follower.heard(told('2'));
    await settled();
    expect(asked).toHaveLength(3);
    expect(follower.config()).toEqual({ version: '2' });
  });

  it('hears nothing where the operator switched it off', async () => {
    const { follower, asked } = setUp({ takesConfig: false });
    follower.heard(told('1'));
    follower.take({ ok: true, config: { version: '1' } });
    await settled();
    expect(asked).toEqual([]);
    expect(follower.config()).toBeUndefined();
  });
});
