import { describe, expect, it } from 'vitest';
import { negotiate } from '../../../../src/ingest/index.ts';

const v1 = 'prometheus.WriteRequest';
const v2 = 'io.prometheus.write.v2.Request';

describe('content negotiation', () => {
  it.each<[string | undefined, string | undefined, 1 | 2]>([
    [undefined, undefined, 1],
    ['application/x-protobuf', 'snappy', 1],
    ['application/x-protobuf', undefined, 1],
    ['Application/X-Protobuf', ' Snappy ', 1],
    [`application/x-protobuf;proto=${v1}`, 'snappy', 1],
    [`application/x-protobuf;proto=${v2}`, 'snappy', 2],
    [`application/x-protobuf; proto=${v2}`, 'snappy', 2],
    [`application/x-protobuf ; charset=utf-8 ; proto = "${v2}"`, 'snappy', 2],
    [`application/x-protobuf; PROTO=${v2.toUpperCase()}`, 'snappy', 2],
  ])('%s with %s is version %i', (type, encoding, version) => {
    expect(negotiate(type, encoding)).toEqual({ ok: true, version });
  });

  it.each<[string | undefined, string | undefined]>([
    ['application/json', 'snappy'],
    ['text/plain', undefined],
    ['', 'snappy'],
    ['application/x-protobuf;proto=', 'snappy'],
    ['application/x-protobuf;proto=io.prometheus.write.v3.Request', 'snappy'],
    ['application/x-protobuf;proto=toString', 'snappy'],
    ['application/x-protobuf;proto=__proto__', 'snappy'],
    ['application/x-protobuf', 'gzip'],
    ['application/x-protobuf', 'zstd'],
    ['application/x-protobuf', 'identity'],
    ['application/x-protobuf', 'snappy, gzip'],
    ['application/x-protobuf', ''],
  ])('%s with %s is not read, and the answer says what is', (type, encoding) => {
    const answer = negotiate(type, encoding);
    expect(answer.ok).toBe(false);
    expect(answer).toHaveProperty('message', expect.stringContaining('accepted: Content-Type'));
  });
});
