import { describe, expect, it } from 'vitest';
import type { VictoriaAnswer, VictoriaClient } from '../../../../src/storage/victoria/client.ts';
import { createSeriesWriter } from '../../../../src/storage/victoria/writer.ts';

type Answers = Partial<Record<string, { status: number; body?: string }>>;

/** Answers the named paths; every other request gets none in time. */
function clientOf(answers: Answers): VictoriaClient {
  return {
    target: { baseUrl: 'http://storage' },
    onDisconnect: () => undefined,
    stream: () => Promise.reject(new Error('not asked for')),
    close: () => Promise.resolve(),
    request({ path }): Promise<VictoriaAnswer> {
      const answer = answers[path];
      if (!answer) return Promise.reject(new Error('timeout'));
      const body = Buffer.from(answer.body ?? '');
      return Promise.resolve({ status: answer.status, headers: {}, body });
    },
  };
}

const incarnationOf = (answers: Answers) => createSeriesWriter(clientOf(answers)).incarnation();

describe('the life of a store', () => {
  it('is when its process began', async () => {
    const body = 'up 1\nvm_app_start_timestamp 1795395700\n';
    expect(await incarnationOf({ '/metrics': { status: 200, body } })).toBe('1795395700');
  });

  it('is hidden where the store answers but shows no metrics', async () => {
    const health = { status: 200 };
    expect(await incarnationOf({ '/metrics': { status: 401 }, '/health': health })).toBe('hidden');
  });

  it('is not known where metrics are late, which is no restart', async () => {
    expect(await incarnationOf({ '/health': { status: 200 } })).toBeUndefined();
  });
});
