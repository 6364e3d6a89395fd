import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../../exporter-agent/send/answer.ts';
import { createEncoder } from '../../../../exporter-agent/send/encode.ts';
import {
  createRemoteWrite,
  type RemoteWriteMode,
} from '../../../../exporter-agent/send/remote-write.ts';
import { isVersion2, toVersion1 } from '../../../../exporter-agent/send/version-1.ts';
import { snappy, unsnappy } from '../../../support/snappy.ts';

const answered = (status: number, samplesWritten?: number, text = ''): Answer => ({
  kind: 'answered',
  status,
  retryAfterMs: undefined,
  samplesWritten,
  text,
});

/** Three series. */
const [body] = createEncoder({
  labels: { host_id: 'h' },
  maxSeries: 10,
  metadataOf: () => undefined,
  compress: snappy,
}).encode(
  ['a', 'b', 'c'].map((device) => ({ name: 'net_errors', value: 1, labels: [['device', device]] })),
  1,
);

function setUp(mode: RemoteWriteMode, answer: (version: 1 | 2) => Answer) {
  const time = { ms: 0 };
  const posted: (1 | 2)[] = [];
  const headers: Readonly<Record<string, string>>[] = [];
  const fallbacks: string[] = [];
  const unwritten: [number, string][] = [];
  const write = createRemoteWrite({
    mode,
    post: (bytes, given) => {
      const version = isVersion2(unsnappy(bytes)) ? 2 : 1;
      posted.push(version);
      headers.push(given);
      return Promise.resolve(answer(version));
    },
    monotonicMs: () => time.ms,
    onFallback: (message) => fallbacks.push(message),
    onUnwritten: (samples, message) => unwritten.push([samples, message]),
  });
  return {
    time,
    posted,
    headers,
    fallbacks,
    unwritten,
    write: () => write(body!, 1_000),
    any: write,
  };
}

describe('remote write', () => {
  it('is 2.0 to a receiver that knows it, with the headers of the specification', async () => {
    const t = setUp('auto', () => answered(204, 3));
    await t.write();
    expect(t.headers).toEqual([
      {
        'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': '2.0.0',
      },
    ]);
    expect(t.unwritten).toEqual([]);
  });

  it.each<[string, Answer]>([
    ['says 415', answered(415, undefined, 'unsupported_media: v2')],
    ['takes 2.0 for an empty 1.0 and says nothing of what it wrote', answered(204)],
  ])('falls back to 1.0 within the same batch where a receiver %s', async (_, first) => {
    const t = setUp('auto', (version) => (version === 2 ? first : answered(204)));
    expect(await t.write()).toEqual(answered(204));
    await t.write();
    expect(t.posted).toEqual([2, 1, 1]);
    expect(t.headers[1]).toEqual({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    });
    expect(t.fallbacks.length).toBe(1);
    expect(t.unwritten).toEqual([]);
  });

  it('asks an hour later whether the receiver knows 2.0 by now', async () => {
    let knows2 = false;
    const t = setUp('auto', (version) =>
      version === 2 && !knows2 ? answered(415) : answered(204, 3),
    );
    await t.write();
    knows2 = true;
    t.time.ms = 3_599_999;
    await t.write();
    t.time.ms = 3_600_000;
    await t.write();
    expect(t.posted).toEqual([2, 1, 1, 2]);
  });

  it.each<[string, Answer]>([
    ['that fails', { kind: 'failed', message: 'connect ECONNREFUSED' }],
    ['of 400', answered(400)],
    ['of 500', answered(500)],
    ['of 401', answered(401)],
  ])('does not take an answer %s for a receiver of 1.0', async (_, answer) => {
    const t = setUp('auto', () => answer);
    await t.write();
    await t.write();
    expect(t.posted).toEqual([2, 2]);
    expect(t.fallbacks).toEqual([]);
  });

  it('is 1.0, and nothing else, where it is told so', async () => {
    const t = setUp('1.0', () => answered(204));
    await t.write();
    expect(t.posted).toEqual([1]);
  });

  it('sends a body of 1.0, from an earlier version in the spool, as it is', async () => {
    const t = setUp('auto', () => answered(204));
    await t.any(snappy(toVersion1(unsnappy(body!))), 1_000);
    expect(t.posted).toEqual([1]);
    expect(t.headers[0]?.['x-prometheus-remote-write-version']).toBe('0.1.0');
  });

  it('leaves it to the receiver to refuse what it cannot read itself', async () => {
    const posted: Uint8Array[] = [];
    const write = createRemoteWrite({
      mode: 'auto',
      post: (bytes) => {
        posted.push(bytes);
        return Promise.resolve(answered(400));
      },
      monotonicMs: () => 0,
      onFallback: () => undefined,
      onUnwritten: () => undefined,
    });
    const broken = Buffer.from([0xff, 0xff]);
    expect(await write(broken, 1_000)).toEqual(answered(400));
    expect(posted).toEqual([broken]);
  });

  it.each<[string, RemoteWriteMode, Answer, number]>([
    ['a 2xx that wrote fewer', 'auto', answered(204, 1), 2],
    ['a 400 that wrote some', 'auto', answered(400, 2, 'rejected 1 of 3'), 1],
    ['a 2xx without the header, where 2.0 alone may be spoken', '2.0', answered(200), 3],
  ])('counts what was not written: %s', async (_, mode, answer, missing) => {
    const t = setUp(mode, () => answer);
    await t.write();
    expect(t.unwritten.map(([samples]) => samples)).toEqual([missing]);
    expect(t.unwritten[0]?.[1]).toContain(`${3 - missing} of 3 samples written`);
  });

  it('leaves a batch that was refused as a whole to be counted as such', async () => {
    const t = setUp('auto', () => answered(400, 0, 'rejected 3 of 3'));
    await t.write();
    expect(t.unwritten).toEqual([]);
  });
});
