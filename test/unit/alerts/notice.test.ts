import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acknowledge,
  decideNotice,
  labelKey,
  transition,
  withdrawAcknowledgement,
  type AlertTerms,
  type Episode,
  type Instances,
} from '../../../src/alerts/index.ts';

const intervalMs = 30_000;
const minute = 60_000;
const cooldownMs = 5 * minute;
const labels = new Map([['alertname', 'A']]);
const terms: AlertTerms = {
  forMs: minute,
  keepFiringForMs: 0,
  limit: 0,
  resolveAfter: 2,
  onNoData: 'keep',
};

const clock = (ms: number): string =>
  `${Math.floor(ms / minute)}:${String((ms % minute) / 1000).padStart(2, '0')}`;

/** State machine and messages of one alert, one evaluation after the other. */
function createAlert(rule: AlertTerms = terms, cooldown = cooldownMs) {
  let instances: Instances = new Map();
  let episode: Episode | undefined;
  const log: string[] = [];
  const sent: { kind: string; atMs: number; flaps: number }[] = [];
  return {
    log,
    sent,
    episode: () => episode,
    state: () => instances.get(labelKey(labels))?.state ?? 'none',
    evaluate(atMs: number, isMet: boolean): void {
      const elements = isMet ? [{ labels, annotations: new Map<string, string>(), value: 1 }] : [];
      const step = transition(instances, { kind: 'answer', atMs, elements }, rule);
      instances = step.instances;
      for (const { to } of step.changes) log.push(`${clock(atMs)} ${to}`);
      const { episode: next, decision } = decideNotice(episode, this.state() === 'firing', atMs, {
        cooldownMs: cooldown,
        repeatMs: 0,
        isSilenced: false,
      });
      episode = next;
      if (decision.send === 'nothing') return;
      log.push(`${clock(atMs)} tell ${decision.send}`);
      sent.push({ kind: decision.send, atMs, flaps: decision.flaps });
    },
    acknowledge(atMs: number, by = 'ann') {
      const outcome = acknowledge(episode, { by, atMs, comment: '' });
      if (outcome.ok) episode = outcome.episode;
      return outcome;
    },
    withdraw(): void {
      if (episode) episode = withdrawAcknowledgement(episode);
    },
  };
}

describe('an alert that flaps', () => {
  it('tells people what the worked timeline says', () => {
    const alert = createAlert();
    const metAt = (ms: number): boolean =>
      ms < 1.5 * minute || (ms >= 3 * minute && ms < 7 * minute);
    for (let ms = 0; ms <= 8 * minute; ms += intervalMs) {
      alert.evaluate(ms, metAt(ms));
      if (ms === 6 * minute)
        expect(alert.acknowledge(ms + 10_000)).toMatchObject({ ok: true, changed: true });
    }
    expect(alert.log).toEqual([
      '0:00 pending',
      '1:00 firing',
      '1:00 tell firing',
      '2:00 resolved',
      '2:00 tell resolved',
      '3:00 pending',
      '4:00 firing',
      '6:00 tell refired',
      '7:30 resolved',
      '7:30 tell resolved',
    ]);
    expect(alert.sent.map(({ flaps }) => flaps)).toEqual([0, 0, 1, 1]);
  });
});

const anyTrace = fc.array(fc.boolean(), { maxLength: 60 });
const anyCooldown = fc.nat(12).map((ticks) => ticks * intervalMs);
const anyTerms = fc
  .tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 3 }))
  .map(([hold, keep, resolveAfter]) => ({
    ...terms,
    forMs: hold * intervalMs,
    keepFiringForMs: keep * intervalMs,
    resolveAfter,
  }));

function runAll(ticks: readonly boolean[], rule: AlertTerms, cooldown: number) {
  const alert = createAlert(rule, cooldown);
  ticks.forEach((isMet, index) => alert.evaluate(index * intervalMs, isMet));
  return { alert, endMs: ticks.length * intervalMs };
}

describe('the messages about an alert', () => {
  it('never hold two firing ones closer than the cooldown', () => {
    fc.assert(
      fc.property(anyTrace, anyTerms, anyCooldown, (ticks, rule, cooldown) => {
        const firing = runAll(ticks, rule, cooldown).alert.sent.filter(
          ({ kind }) => kind !== 'resolved',
        );
        const gaps = firing.slice(1).map(({ atMs }, index) => atMs - firing[index]!.atMs);
        expect(gaps.filter((gap) => gap < cooldown)).toEqual([]);
      }),
    );
  });

  it('hold exactly one resolved one after each firing one, once it is over', () => {
    fc.assert(
      fc.property(anyTrace, anyTerms, anyCooldown, (ticks, rule, cooldown) => {
        const { alert, endMs } = runAll(ticks, rule, cooldown);
        for (let tick = 0; tick < 8; tick++) alert.evaluate(endMs + tick * intervalMs, false);
        const kinds = alert.sent.map(({ kind }) => (kind === 'resolved' ? 'resolved' : 'firing'));
        expect(kinds).toEqual(kinds.map((_, index) => (index % 2 === 0 ? 'firing' : 'resolved')));
        expect(kinds.length % 2).toBe(0);
      }),
    );
  });

  it('never delay the first one', () => {
    fc.assert(
      fc.property(anyTrace, anyTerms, anyCooldown, (ticks, rule, cooldown) => {
        const { alert } = runAll(ticks, rule, cooldown);
        const firstFired = alert.log.find(
          (line) => line.endsWith(' firing') && !line.includes('tell'),
        );
        const firstTold = alert.log.find((line) => line.endsWith('tell firing'));
        expect(firstTold?.replace(' tell', '')).toBe(firstFired);
      }),
    );
  });
});

describe('an acknowledgement', () => {
  const immediate = { ...terms, forMs: 0, resolveAfter: 1 };

  it('of an alert that does not fire is refused', () => {
    const alert = createAlert(immediate);
    expect(alert.acknowledge(0)).toEqual({ ok: false, reason: 'not-firing' });
    alert.evaluate(0, true);
    alert.evaluate(minute, false);
    expect(alert.acknowledge(minute)).toEqual({ ok: false, reason: 'not-firing' });
  });

  it('given again by the same person changes nothing', () => {
    const alert = createAlert(immediate);
    alert.evaluate(0, true);
    expect(alert.acknowledge(1000)).toMatchObject({ ok: true, changed: true });
    expect(alert.acknowledge(2000)).toMatchObject({ ok: true, changed: false });
    expect(alert.acknowledge(3000, 'bob')).toMatchObject({ ok: true, changed: true });
  });

  it('does not swallow the resolved message', () => {
    const alert = createAlert(immediate);
    alert.evaluate(0, true);
    alert.acknowledge(1000);
    alert.evaluate(minute, false);
    expect(alert.sent.at(-1)?.kind).toBe('resolved');
  });

  it('carries over to a return within the cooldown, and is heard of again once withdrawn', () => {
    const alert = createAlert(immediate);
    alert.evaluate(0, true);
    alert.acknowledge(1000);
    alert.evaluate(minute, false);
    alert.evaluate(2 * minute, true);
    alert.evaluate(6 * minute, true);
    expect(alert.sent.map(({ kind }) => kind)).toEqual(['firing', 'resolved']);
    alert.withdraw();
    alert.evaluate(7 * minute, true);
    expect(alert.sent.at(-1)).toMatchObject({ kind: 'refired', flaps: 1 });
  });

  it('is gone with a firing after the cooldown', () => {
    const alert = createAlert(immediate);
    alert.evaluate(0, true);
    alert.acknowledge(1000);
    alert.evaluate(minute, false);
    alert.evaluate(10 * minute, true);
    expect(alert.sent.at(-1)?.kind).toBe('firing');
    expect(alert.episode()?.acknowledgement).toBeUndefined();
  });
});
