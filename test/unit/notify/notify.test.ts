import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAckLinks, createChannels, maskChannel } from '../../../src/notify/index.ts';
import type { ChannelStore, StoredChannel } from '../../../src/notify/index.ts';
import { delayAfter, outcomeOfStatus, retryAfterMs } from '../../../src/notify/outcome.ts';
import { silentLogger } from '../../../src/platform/index.ts';
import { systemActor } from '../../../src/access/index.ts';

describe('what an answer means', () => {
  it.each([
    ...([
      [200, 'sent'],
      [202, 'sent'],
      [204, 'sent'],
      [301, 'dead'],
      [307, 'dead'],
    ] as const),
    ...([
      [400, 'dead'],
      [401, 'dead'],
      [404, 'dead'],
      [410, 'dead'],
      [413, 'dead'],
    ] as const),
    ...([
      [408, 'retry'],
      [425, 'retry'],
      [429, 'retry'],
      [500, 'retry'],
      [599, 'retry'],
    ] as const),
  ])('%i is %s', (status, kind) => {
    expect(outcomeOfStatus(status, '', undefined).kind).toBe(kind);
  });

  const nowMs = Date.parse('Sun, 22 Nov 2026 20:00:00 GMT');
  it.each([
    ['3', 3_000],
    ['0', 0],
    ['1.5', 1_500],
    ['86400', 300_000],
    ['Sun, 22 Nov 2026 20:00:10 GMT', 10_000],
    ['Sun, 22 Nov 2026 19:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', 0],
  ])('Retry-After: %s waits %s ms', (header, ms) => {
    const wait = retryAfterMs(header, nowMs);
    // A negative number is read as some date of long ago by JavaScript: at once, or not at all.
    expect(header === '-5' ? (wait ?? 0) : wait).toBe(ms);
  });

  it('is waited for four times as long each time, a fifth more or less', () => {
    const after = (attempt: number, random: number) =>
      delayAfter(attempt, { attempts: 3, backoffMs: 2_000, random: () => random });
    expect([after(1, 0), after(1, 0.5), after(1, 1)]).toEqual([1_600, 2_000, 2_400]);
    expect([after(2, 0.5), after(3, 0.5)]).toEqual([8_000, 32_000]);
  });
});

describe('an acknowledge link', () => {
  let nowMs = Date.parse('2026-11-22T20:00:00Z');
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const links = createAckLinks({ key: Buffer.alloc(32, 1), clock });
  const linked = {
    ...{ tenantId: 'default', via: 'email' },
    subject: { kind: 'incident' as const, id: '00000000-0000-4000-8000-000000000001' },
  };
  const tokenOf = (path: string) => path.replace('/a/', '');

  it('says what it stands for, for seven days', () => {
    const token = tokenOf(links.pathFor(linked));
    expect(links.read(token)).toEqual({ ok: true, linked });
    nowMs += 7 * 86_400_000;
    expect(links.read(token)).toEqual({ ok: false, reason: 'expired' });
  });

  it('of another installation is none', () => {
    const others = createAckLinks({ key: Buffer.alloc(32, 2), clock });
    expect(links.read(tokenOf(others.pathFor(linked)))).toEqual({ ok: false, reason: 'tampered' });
  });

  it('with any other character is none', () => {
    const token = tokenOf(links.pathFor(linked));
    const at = fc.nat({ max: token.length - 2 });
    fc.assert(
      fc.property(at, fc.constantFrom('A', 'B', 'a', 'b', '0', '1', '-', '_'), (index, char) => {
        const touched = token.slice(0, index) + char + token.slice(index + 1);
        return touched === token || !links.read(touched).ok;
      }),
    );
    fc.assert(fc.property(fc.string({ maxLength: 2_000 }), (text) => !links.read(text).ok));
  });
});

const stored = (name: string, kind: StoredChannel['kind'], isDefault = true): StoredChannel => ({
  ...{ tenantId: 'default', name, kind, isDefault, createdAtMs: 0, updatedAtMs: 0 },
  ...{ target: kind === 'email' ? 'a@example.com' : 'https://x.example/', settings: {} },
});

describe('the channels that a rule names', () => {
  const all = [
    ...[stored('mail', 'email'), stored('chat', 'slack'), stored('hook', 'webhook')],
    ...[stored('boss', 'email', false)],
  ];
  const store = {
    ...{ all: () => Promise.resolve(all), list: () => Promise.resolve(all) },
    update: () => Promise.resolve(true),
  } as unknown as ChannelStore;
  const channels = createChannels({
    ...{ store, changes: { on: () => undefined }, log: silentLogger },
    clock: { nowMs: () => 0, monotonicMs: () => 0 },
  });

  it.each([
    [[], ['mail', 'chat', 'hook']],
    [['email'], ['mail']],
    [['webhook'], ['chat', 'hook']],
    [['alertmanager'], []],
    [
      ['email', 'mail', 'webhook:boss'],
      ['mail', 'boss'],
    ],
    [['email:ann@example.com'], ['email:ann@example.com']],
    [['nobody'], ['nobody']],
  ])('%j are %j', async (names, expanded) => {
    await channels.start();
    expect(channels.namesFor('default', names)).toEqual(expanded);
    expect(channels.namesFor('other', names.slice(0, 0))).toEqual([]);
  });

  it.each([
    ['webhook:https://hooks.slack.com/services/T/B/x', 'slack'],
    ['webhook:https://prod-1.westeurope.logic.azure.com/workflows/x', 'teams'],
    ['webhook:https://x.webhook.office.com/y', 'teams'],
    ['webhook:https://hooks.slack.com.evil.example/x', 'webhook'],
    ['alertmanager:http://am:9093', 'alertmanager'],
    ['email:ann@example.com', 'email'],
    ['webhook:file:///etc/passwd', undefined],
    ['email:nobody', undefined],
    ['pager:x', undefined],
  ])('%s is of kind %s', (name, kind) => {
    expect(channels.find('default', name)?.kind).toBe(kind);
  });

  it('do not take their secret along to another server', async () => {
    const before = { ...stored('hook', 'webhook'), settings: { secret: 's' } };
    const actor = systemActor('default');
    const near = await channels.update(before, { target: 'https://x.example/other' }, actor);
    expect(near.settings).toEqual({ secret: 's' });
    const far = await channels.update(before, { target: 'https://y.example/' }, actor);
    expect(far.settings).toEqual({});
    const none = await channels.update(before, { settings: { secret: null } }, actor);
    expect(none.settings).toEqual({});
  });

  it('are shown without what is secret in them', () => {
    expect(maskChannel('webhook:https://hooks.slack.com/services/T/B/x')).toBe(
      'webhook:https://hooks.slack.com/***',
    );
    expect(maskChannel('email:ann@example.com')).toBe('email:a***@example.com');
    expect(maskChannel('ops')).toBe('ops');
  });
});
