import { describe, type Answer } from './answer.ts';
import { Compressor, uncompress } from './snappy.ts';
import { countSeries, isVersion2, toVersion1 } from './version-1.ts';

/** Where remote write goes, contract "Write". */
export const writePath = '/api/v1/write';

export const remoteWriteModes = ['auto', '2.0', '1.0'] as const;

/** `auto`: 2.0, and 1.0 to a receiver that turns out not to know it. */
export type RemoteWriteMode = (typeof remoteWriteModes)[number];

/** https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/ "Protocol" */
const headers2 = {
  'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '2.0.0',
} as const;

/** https://prometheus.io/docs/specs/prw/remote_write_spec/ "Protocol" */
const headers1 = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
} as const;

/** A request without series, for trying the way: a body of no bytes, as a snappy block. */
export const emptyWrite = { path: writePath, body: Buffer.from([0]), headers: headers1 } as const;

/** After this a receiver of 1.0 is asked again whether it knows 2.0 by now. */
const askAgainMs = 3_600_000;

export interface RemoteWriteDeps {
  mode: RemoteWriteMode;
  post: (
    body: Uint8Array,
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ) => Promise<Answer>;
  monotonicMs: () => number;
  /** The receiver does not know 2.0; `message` is how that showed. */
  onFallback: (message: string) => void;
  /** The receiver took the batch and said that it did not write so many of its samples. */
  onUnwritten: (samples: number, message: string) => void;
}

/** POSTs one compressed body (one of an earlier run may be of 1.0) in the version that the receiver reads. */
export type RemoteWrite = (body: Uint8Array, timeoutMs: number) => Promise<Answer>;

export function createRemoteWrite(deps: RemoteWriteDeps): RemoteWrite {
  const compressor = new Compressor();
  let version1UntilMs = deps.mode === '1.0' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;

  async function send2(body: Uint8Array, raw: Buffer, timeoutMs: number): Promise<Answer> {
    const answer = await deps.post(body, headers2, timeoutMs);
    if (deps.mode !== 'auto' || knowsVersion2(answer)) return answer;
    version1UntilMs = deps.monotonicMs() + askAgainMs;
    deps.onFallback(describe(answer));
    return send1(raw, timeoutMs);
  }

  const send1 = (raw: Buffer, timeoutMs: number) =>
    deps.post(compressor.compress(toVersion1(raw)), headers1, timeoutMs);

  function checkWritten(raw: Buffer, isStrict: boolean, answer: Answer): void {
    if (answer.kind === 'failed' || !mayBeWritten(answer.status)) return;
    const written = answer.samplesWritten ?? (isStrict ? 0 : undefined);
    if (written === undefined) return;
    const sent = countSeries(raw);
    if (written >= sent || (written === 0 && answer.status === 400)) return;
    deps.onUnwritten(sent - written, `${written} of ${sent} samples written, ${describe(answer)}`);
  }

  return async (body, timeoutMs) => {
    const raw = read(body);
    if (raw === undefined || !isVersion2(raw)) return deps.post(body, headers1, timeoutMs);
    const isVersion1 = deps.monotonicMs() < version1UntilMs;
    const answer = await (isVersion1 ? send1(raw, timeoutMs) : send2(body, raw, timeoutMs));
    checkWritten(raw, deps.mode === '2.0', answer);
    return answer;
  };
}

/** What is not readable here is for the receiver to refuse. */
function read(body: Uint8Array): Buffer | undefined {
  try {
    return uncompress(body);
  } catch {
    return undefined;
  }
}

const mayBeWritten = (status: number) => (status >= 200 && status < 300) || status === 400;

/**
 * 415 is the answer of one that reads the media type. Older ones read 2.0 as 1.0, find no series and say 2xx: they
 * are known by the missing header, which 2.0 asks for.
 */
function knowsVersion2(answer: Answer): boolean {
  if (answer.kind === 'failed') return true;
  if (answer.status === 415) return false;
  return answer.status < 200 || answer.status >= 300 || answer.samplesWritten !== undefined;
}
