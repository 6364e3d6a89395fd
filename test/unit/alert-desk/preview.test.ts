import { describe, expect, it } from 'vitest';
import { previewRule, type PreviewDeps } from '../../../src/alert-desk/index.ts';
import { parseApiRule, type AlertingRule } from '../../../src/rules/index.ts';

const minute = 60_000;

function ruleOf(more: object): AlertingRule {
  const outcome = parseApiRule('r', { name: 'Hot', promql: 'cpu > 90', ...more });
  if (!outcome.ok) throw new Error(outcome.problems[0]?.message);
  return outcome.rule;
}

/** Series by host: the minutes at which they have a row. */
function depsOf(hosts: Record<string, number[]>): PreviewDeps {
  const rows = Object.entries(hosts).map(([host, minutes]) => ({
    labels: new Map([
      ['__name__', 'cpu'],
      ['host_id', host],
    ]),
    points: minutes.map((at) => ({ atMs: at * minute, value: 90 + at })),
  }));
  return {
    ask: {
      over: () => Promise.resolve({ ok: true, rows }),
      at: () => Promise.resolve({ ok: false, isRefused: true, message: 'not asked' }),
    },
    ...{ externalLabels: new Map(), externalUrl: '' },
  };
}

const grid = (minutes: number) => ({ startMs: 0, endMs: minutes * minute, stepMs: minute });

describe('a preview', () => {
  it('has the episodes, the messages and the times of the rule in earnest', async () => {
    const rule = ruleOf({ for: '1m', cooldown: '5m' });
    // Fires at 1, resolved at 5 (two clean ones); fires again at 7, its message is due at 6: told at once.
    const preview = await previewRule('t', rule, grid(20), depsOf({ a: [0, 1, 2, 3, 6, 7, 8] }));
    expect(
      preview.episodes.map(({ pendingAtMs, firedAtMs = 0, endedAtMs = 0, notifications }) => ({
        times: [pendingAtMs, firedAtMs, endedAtMs].map((ms) => ms / minute),
        told: notifications.map(({ atMs, kind }) => `${kind} ${String(atMs / minute)}`),
      })),
    ).toEqual([
      { times: [0, 1, 5], told: ['firing 1', 'resolved 5'] },
      { times: [6, 7, 10], told: ['firing 7', 'resolved 10'] },
    ]);
    expect(preview).toMatchObject({ evaluations: 21, firedCount: 2, failures: { count: 0 } });
    expect([preview.pendingMs, preview.firingMs]).toEqual([2 * minute, 7 * minute]);
  });

  it('counts what only waited, and names the noisiest first', async () => {
    const rule = ruleOf({ for: '2m', cooldown: '0s', resolve_after: 1 });
    const hosts = { quiet: [0, 1], loud: [0, 1, 2, 4, 5, 6], once: [3, 4, 5, 6] };
    const preview = await previewRule('t', rule, grid(8), depsOf(hosts));
    expect([preview.episodeCount, preview.firedCount]).toEqual([4, 3]);
    expect(preview.noisiest.map(({ host, notifications }) => [host, notifications])).toEqual([
      ['loud', 4],
      ['once', 2],
    ]);
  });

  it('tells of evaluations in which alerts could not be told apart', async () => {
    const rule = ruleOf({ labels: { host_id: 'same' } });
    const preview = await previewRule('t', rule, grid(2), depsOf({ a: [1], b: [1] }));
    expect(preview.failures).toMatchObject({
      count: 1,
      message: expect.stringContaining('same labelset') as string,
    });
    expect(preview.episodes).toEqual([]);
  });

  it('refuses too many evaluations and too many rows, and says what storage said', async () => {
    const rule = ruleOf({});
    await expect(previewRule('t', rule, grid(10_000), depsOf({}))).rejects.toThrow(/evaluations/);
    const deps = depsOf({});
    const refusing: PreviewDeps = {
      ...deps,
      ask: {
        ...deps.ask,
        over: () => Promise.resolve({ ok: false, isRefused: true, message: 'no such function' }),
      },
    };
    await expect(previewRule('t', rule, grid(1), refusing)).rejects.toThrow(/no such function/);
  });
});
