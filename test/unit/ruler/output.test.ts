import { describe, expect, it } from 'vitest';
import type { AlertInstance } from '../../../src/alerts/index.ts';
import { alertSeries, Output, recordedSeries } from '../../../src/ruler/output.ts';
import { referenceWriteRequest } from '../../../src/wire/index.ts';

const labels = (all: Record<string, string>) => new Map(Object.entries(all));

interface Decoded {
  labels: { name: string; value: string }[];
  samples: { value: number; timestamp: number }[];
}

const seriesIn = (request: Buffer) =>
  (referenceWriteRequest.decode(request)['timeseries'] as Decoded[]).map((series) => ({
    labels: Object.fromEntries(series.labels.map(({ name, value }) => [name, value])),
    values: series.samples.map(({ value, timestamp }) => `${value}@${timestamp}`),
  }));

describe('Output', () => {
  it('ends the series that were there and are no longer', () => {
    const rule = {
      kind: 'record',
      name: 'r',
      expression: 'x',
      labels: labels({ team: 'a' }),
    } as const;
    const first = recordedSeries(rule, [
      { labels: labels({ host: '1' }), value: 1 },
      { labels: labels({ host: '2' }), value: 2 },
    ])!;
    const output = new Output(1_000);
    const written = output.replace(new Map(), first);
    expect(seriesIn(output.take())).toEqual([
      { labels: { __name__: 'r', host: '1', team: 'a' }, values: ['1@1000'] },
      { labels: { __name__: 'r', host: '2', team: 'a' }, values: ['2@1000'] },
    ]);
    output.replace(written, recordedSeries(rule, [{ labels: labels({ host: '2' }), value: 3 }])!);
    expect(seriesIn(output.take())).toEqual([
      { labels: { __name__: 'r', host: '2', team: 'a' }, values: ['3@1000'] },
      { labels: { __name__: 'r', host: '1', team: 'a' }, values: ['NaN@1000'] },
    ]);
  });

  it('refuses two rows that the rule makes one series', () => {
    const rule = {
      kind: 'record',
      name: 'r',
      expression: 'x',
      labels: labels({ host: 'all' }),
    } as const;
    const rows = ['1', '2'].map((host) => ({ labels: labels({ host }), value: 1 }));
    expect(recordedSeries(rule, rows)).toBeUndefined();
  });

  it('shows what is pending or firing, and since when', () => {
    const instance = (state: AlertInstance['state']): AlertInstance => ({
      ...{ key: state, labels: labels({ alertname: 'A', of: state }), annotations: new Map() },
      ...{ value: 1, state, activeAtMs: 5_000, absences: 0, evaluatedAtMs: 6_000 },
    });
    const instances = new Map(
      (['pending', 'firing', 'resolved'] as const).map((state) => [state, instance(state)]),
    );
    const shown = [...alertSeries(instances).values()].map(({ labels: pairs, value }) => [
      Object.fromEntries(pairs),
      value,
    ]);
    expect(shown).toEqual([
      [{ __name__: 'ALERTS', alertname: 'A', alertstate: 'pending', of: 'pending' }, 1],
      [{ __name__: 'ALERTS_FOR_STATE', alertname: 'A', of: 'pending' }, 5],
      [{ __name__: 'ALERTS', alertname: 'A', alertstate: 'firing', of: 'firing' }, 1],
      [{ __name__: 'ALERTS_FOR_STATE', alertname: 'A', of: 'firing' }, 5],
    ]);
  });
});
