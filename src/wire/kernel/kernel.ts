import { randomFillSync } from 'node:crypto';
import { kernelWasm } from './kernel.wasm.ts';
import { createSeriesTable, tableBytes, type SeriesTable } from './series-table.ts';

/** Flags of a series or a request, as `assembly/scan.ts` sets them. */
export const seriesFlag = {
  histograms: 1,
  exemplars: 2,
  metadata: 4,
  /** Lawful protobuf that no sender makes: fields out of order, twice, or unknown. */
  unusual: 8,
  outOfWindow: 16,
  noSamples: 32,
  tooManyLabels: 64,
} as const;

/** Verdicts below `firstReason` say how a series is written (`observed` as `pass`); from there on it is refused, for the reason of that number. */
export const verdict = {
  unknown: 0,
  pass: 1,
  strip: 2,
  rewrite: 3,
  observed: 4,
  firstReason: 16,
} as const;

export interface KernelLimits {
  /** Largest decoded body, bytes. */
  maxDecodedBytes: number;
  /** Most TimeSeries in one request. */
  maxSeries: number;
  /** Series whose verdicts are remembered; more are judged at each sight. */
  maxKnownSeries?: number;
}

export interface ScanRequest {
  /** Number of the policy under which verdicts were learned; part of every fingerprint. */
  scope: number;
  /** For "last seen": minutes since any fixed moment, below 2²⁴. */
  minute: number;
  /** Both inclusive, milliseconds. */
  minTimestampMs: number;
  maxTimestampMs: number;
  maxLabels: number;
}

/** What a scan found in the whole request. */
export interface ScanTotals {
  series: number;
  samples: number;
  /** Series seen for the first time under this scope: the host must judge them. */
  unknown: number;
  /** Known series that do not simply pass. */
  notPassed: number;
  flags: number;
  nanSamples: number;
}

export type LoadOutcome = 'ok' | 'corrupt' | 'too_large';
export type ScanOutcome = 'ok' | 'malformed' | 'too_many_series';

/**
 * The gateway's decode kernel: snappy, protobuf structure and known-series lookup in WebAssembly.
 * It holds one request at a time; a caller runs load → scan → … without awaiting in between.
 */
export interface DecodeKernel {
  /** Copies a compressed body in. */
  load(chunks: readonly Uint8Array[]): void;
  /** 85 bits of a keyed digest of the loaded body, for recognising an exact repeat. */
  bodyDigest(scope: number): { key: number; check: number };
  /** Decodes the loaded body; the declared length is judged before anything is written. */
  decompress(): LoadOutcome;
  /** Takes a body that is decoded already (translated from another format). */
  loadDecoded(bytes: Uint8Array): LoadOutcome;
  scan(request: ScanRequest): ScanOutcome;
  readonly totals: Readonly<ScanTotals>;
  verdictOf(series: number): number;
  setVerdict(series: number, value: number): void;
  flagsOf(series: number): number;
  samplesOf(series: number): number;
  tooOldOf(series: number): number;
  tooNewOf(series: number): number;
  /** The series' leading run of Label fields; a view that the next request overwrites. */
  labelBytes(series: number): Buffer;
  /** The whole TimeSeries message; a view that the next request overwrites. */
  seriesBytes(series: number): Buffer;
  /** The decoded request; a view that the next request overwrites. */
  decodedBytes(): Buffer;
  /** Remembers the verdict for the series' label bytes; true when they are new to the table and fit it. */
  learn(series: number, value: number): boolean;
  /** For the labels of a series that is written anew: its verdict, marked as seen, and learning one. */
  verdictOfLabels(labels: Uint8Array): number;
  learnLabels(labels: Uint8Array, value: number): boolean;
  /** The accepted part, with the reserved labels removed where the verdict is `strip`, then `extra`, compressed. */
  rebuild(reservedLabels: readonly string[], extra: Uint8Array | undefined): Buffer;
  /** Compresses any bytes that fit the decoded limit. */
  compress(bytes: Uint8Array): Buffer;
  readonly table: SeriesTable;
}

interface KernelExports {
  seed(at: number): void;
  decompress(input: number, length: number, output: number, limit: number): number;
  compress(input: number, length: number, output: number, table: number): number;
  digest(at: number, length: number, scope: number, result: number): void;
  scan(...args: number[]): number;
  summary(at: number): void;
  rebuild(...args: number[]): number;
  learn(at: number, length: number, scope: number, minute: number, verdict: number): number;
  find(at: number, length: number, scope: number, minute: number): number;
  known(): number;
  arrange(entriesAt: number, indexAt: number, known: number, slots: number): void;
}

const pageBytes = 65_536;
const slackBytes = 64;
/** Address space only: memory is used as series come. */
const defaultKnownSeries = 4 * 1024 * 1024;
const recordWords = 8;
const scratchAt = pageBytes;
const namesAt = scratchAt + 1024;
const compressTableAt = 2 * pageBytes;
const recordsAt = 3 * pageBytes;
/** `assembly/snappy.ts` TOO_LARGE and `assembly/scan.ts` TOO_MANY_SERIES. */
const tooLarge = -2;
const tooManySeries = -4;

const wordAt = (series: number, word: number) => (recordsAt >>> 2) + series * recordWords + word;

/** Snappy's own bound for the compressed size of `length` bytes. */
export function maxCompressedBytes(length: number): number {
  return 32 + length + Math.ceil(length / 6);
}

interface Layout {
  inputAt: number;
  decodedAt: number;
  outputAt: number;
  tableAt: number;
}

function layout(limits: KernelLimits): Layout {
  const round = (bytes: number) => Math.ceil((bytes + slackBytes) / pageBytes) * pageBytes;
  const inputAt = recordsAt + round(limits.maxSeries * recordWords * 4);
  const decodedAt = inputAt + round(maxCompressedBytes(limits.maxDecodedBytes));
  const outputAt = decodedAt + round(limits.maxDecodedBytes);
  const tableAt = outputAt + round(2 * limits.maxDecodedBytes);
  return { inputAt, decodedAt, outputAt, tableAt };
}

export function createDecodeKernel(limits: KernelLimits): DecodeKernel {
  return new WasmKernel(limits);
}

class WasmKernel implements DecodeKernel {
  readonly totals = { series: 0, samples: 0, unknown: 0, notPassed: 0, flags: 0, nanSamples: 0 };
  readonly table: SeriesTable;
  private readonly limits: KernelLimits;
  private readonly at: Layout;
  private readonly inputCapacity: number;
  private readonly outputCapacity: number;
  private readonly memory: WebAssembly.Memory;
  private readonly wasm: KernelExports;
  private readonly bytes: Buffer;
  private readonly words: Uint32Array;
  private inputLength = 0;
  private decodedLength = 0;
  private request: ScanRequest | undefined;

  constructor(limits: KernelLimits) {
    this.limits = limits;
    this.at = layout(limits);
    this.inputCapacity = this.at.decodedAt - this.at.inputAt - slackBytes;
    this.outputCapacity = this.at.tableAt - this.at.outputAt - slackBytes;
    const capacity = limits.maxKnownSeries ?? defaultKnownSeries;
    const end = this.at.tableAt + tableBytes(capacity);
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(end / pageBytes) });
    const module = new WebAssembly.Module(Buffer.from(kernelWasm, 'base64'));
    const instance = new WebAssembly.Instance(module, { env: { memory: this.memory } });
    this.wasm = instance.exports as unknown as KernelExports;
    this.bytes = Buffer.from(this.memory.buffer);
    this.words = new Uint32Array(this.memory.buffer);
    randomFillSync(this.bytes, scratchAt, 32);
    this.wasm.seed(scratchAt);
    this.table = createSeriesTable({
      wasm: this.wasm,
      words: this.words,
      tableAt: this.at.tableAt,
      capacity,
      firstReason: verdict.firstReason,
    });
  }

  load(chunks: readonly Uint8Array[]): void {
    let to = this.at.inputAt;
    for (const chunk of chunks) {
      if (to - this.at.inputAt + chunk.length > this.inputCapacity) {
        throw new RangeError(`compressed body exceeds ${String(this.inputCapacity)} bytes`);
      }
      this.bytes.set(chunk, to);
      to += chunk.length;
    }
    this.inputLength = to - this.at.inputAt;
  }

  bodyDigest(scope: number): { key: number; check: number } {
    this.wasm.digest(this.at.inputAt, this.inputLength, scope, scratchAt);
    const base = scratchAt >>> 2;
    const [a = 0, b = 0, c = 0] = this.words.subarray(base, base + 3);
    return { key: (b >>> 11) * 0x1_0000_0000 + a, check: c };
  }

  decompress(): LoadOutcome {
    const { inputAt, decodedAt } = this.at;
    const limit = this.limits.maxDecodedBytes;
    const length = this.wasm.decompress(inputAt, this.inputLength, decodedAt, limit);
    this.decodedLength = Math.max(0, length);
    if (length >= 0) return 'ok';
    return length === tooLarge ? 'too_large' : 'corrupt';
  }

  loadDecoded(decoded: Uint8Array): LoadOutcome {
    if (decoded.length > this.limits.maxDecodedBytes) return 'too_large';
    this.bytes.set(decoded, this.at.decodedAt);
    this.decodedLength = decoded.length;
    return 'ok';
  }

  scan(next: ScanRequest): ScanOutcome {
    this.request = next;
    const found = this.wasm.scan(
      this.at.decodedAt,
      this.decodedLength,
      recordsAt,
      next.scope,
      next.minute,
      next.minTimestampMs,
      next.maxTimestampMs,
      this.limits.maxSeries,
      next.maxLabels,
    );
    if (found < 0) return found === tooManySeries ? 'too_many_series' : 'malformed';
    this.wasm.summary(scratchAt);
    const base = scratchAt >>> 2;
    const { totals, words } = this;
    totals.series = found;
    totals.samples = words[base] ?? 0;
    totals.unknown = words[base + 1] ?? 0;
    totals.notPassed = words[base + 2] ?? 0;
    totals.flags = words[base + 3] ?? 0;
    totals.nanSamples = words[base + 4] ?? 0;
    return 'ok';
  }

  verdictOf(series: number): number {
    return this.word(series, 4);
  }

  setVerdict(series: number, value: number): void {
    this.words[wordAt(series, 4)] = value;
  }

  samplesOf(series: number): number {
    return this.word(series, 3);
  }

  flagsOf(series: number): number {
    return this.word(series, 5);
  }

  tooOldOf(series: number): number {
    return this.word(series, 6);
  }

  tooNewOf(series: number): number {
    return this.word(series, 7);
  }

  labelBytes(series: number): Buffer {
    return this.bytes.subarray(this.word(series, 0), this.word(series, 2));
  }

  seriesBytes(series: number): Buffer {
    return this.bytes.subarray(this.word(series, 0), this.word(series, 1));
  }

  decodedBytes(): Buffer {
    return this.bytes.subarray(this.at.decodedAt, this.at.decodedAt + this.decodedLength);
  }

  learn(series: number, value: number): boolean {
    const start = this.word(series, 0);
    return this.learnAt(start, this.word(series, 2) - start, value);
  }

  verdictOfLabels(labels: Uint8Array): number {
    const { scope, minute } = this.scanned();
    if (labels.length > this.outputCapacity) return verdict.unknown;
    this.bytes.set(labels, this.at.outputAt);
    return this.wasm.find(this.at.outputAt, labels.length, scope, minute);
  }

  learnLabels(labels: Uint8Array, value: number): boolean {
    if (labels.length > this.outputCapacity) return false;
    this.bytes.set(labels, this.at.outputAt);
    return this.learnAt(this.at.outputAt, labels.length, value);
  }

  private learnAt(start: number, length: number, value: number): boolean {
    const { scope, minute } = this.scanned();
    if (!this.table.makeRoom()) return false;
    const isNew = this.wasm.learn(start, length, scope, minute, value) === 1;
    if (isNew && value < verdict.firstReason) this.table.added(scope);
    return isNew;
  }

  rebuild(reservedLabels: readonly string[], extra: Uint8Array | undefined): Buffer {
    const { minTimestampMs, maxTimestampMs } = this.scanned();
    this.writeNames(reservedLabels);
    const { outputAt } = this.at;
    const { series } = this.totals;
    let length = this.wasm.rebuild(
      ...([recordsAt, series, outputAt, namesAt, minTimestampMs, maxTimestampMs] as const),
    );
    if (extra) {
      if (length + extra.length > this.outputCapacity) {
        throw new RangeError(`rewritten body exceeds ${String(this.outputCapacity)} bytes`);
      }
      this.bytes.set(extra, outputAt + length);
      length += extra.length;
    }
    return this.compressOutput(length);
  }

  compress(data: Uint8Array): Buffer {
    if (data.length > this.outputCapacity) throw new RangeError('too long to compress');
    this.bytes.set(data, this.at.outputAt);
    return this.compressOutput(data.length);
  }

  private word(series: number, word: number): number {
    return this.words[wordAt(series, word)] ?? 0;
  }

  private scanned(): ScanRequest {
    if (!this.request) throw new Error('nothing was scanned yet');
    return this.request;
  }

  private writeNames(labels: readonly string[]): void {
    let at = namesAt;
    for (const label of labels) {
      at = this.bytes.writeUInt8(Buffer.byteLength(label), at);
      at += this.bytes.write(label, at);
    }
    this.bytes.writeUInt8(0, at);
  }

  private compressOutput(length: number): Buffer {
    const { inputAt, outputAt } = this.at;
    const size = this.wasm.compress(outputAt, length, inputAt, compressTableAt);
    return Buffer.from(this.bytes.subarray(inputAt, inputAt + size));
  }
}
