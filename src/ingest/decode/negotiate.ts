/** The two protocol versions by their protobuf message. */
export type WriteVersion = 1 | 2;

export type Negotiation = { ok: true; version: WriteVersion } | { ok: false; message: string };

const accepted =
  'accepted: Content-Type application/x-protobuf (;proto=prometheus.WriteRequest or ' +
  'io.prometheus.write.v2.Request) with Content-Encoding snappy';

const versions: ReadonlyMap<string, WriteVersion> = new Map([
  ['prometheus.writerequest', 1],
  ['io.prometheus.write.v2.request', 2],
]);

/**
 * Chooses the schema by Content-Type and by nothing else (remote write 2.0, "Content Negotiation").
 * A missing header means 1.0 and snappy, as Prometheus's own receiver reads it.
 */
export function negotiate(
  contentType: string | undefined,
  contentEncoding: string | undefined,
): Negotiation {
  if (contentEncoding !== undefined && contentEncoding.trim().toLowerCase() !== 'snappy') {
    return {
      ok: false,
      message: `Content-Encoding ${quote(contentEncoding)} is not read; ${accepted}`,
    };
  }
  if (contentType === undefined) return { ok: true, version: 1 };
  const [media = '', ...parameters] = contentType.split(';').map((part) => part.trim());
  if (media.toLowerCase() !== 'application/x-protobuf') {
    return { ok: false, message: `Content-Type ${quote(contentType)} is not read; ${accepted}` };
  }
  const proto = parameters
    .map((parameter) => parameter.split('='))
    .find(([name = '']) => name.trim().toLowerCase() === 'proto');
  if (!proto) return { ok: true, version: 1 };
  const name = (proto[1] ?? '').trim().replace(/^"(.*)"$/, '$1');
  const version = versions.get(name.toLowerCase());
  if (version === undefined) {
    return { ok: false, message: `proto ${quote(name)} is not read; ${accepted}` };
  }
  return { ok: true, version };
}

const quote = (text: string) => JSON.stringify(text.slice(0, 100));
