/** A read that ran past the end or met bytes that no encoder writes. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** Protobuf over one byte array, forward only. */
export class Reader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** A varint that must fit 32 bits: tags, lengths, references. */
  uint32(): number {
    const value = this.varint();
    if (value > 0xffff_ffff) throw new WireError('varint exceeds 32 bits');
    return value;
  }

  /** A varint of up to 64 bits as a double: exact to 2⁵³. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count += 1) {
      if (this.at >= this.end) throw new WireError('varint runs past the end');
      const byte = this.bytes[this.at] ?? 0;
      this.at += 1;
      if (count === 9 && byte > 1) break;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new WireError('varint exceeds 64 bits');
  }

  /** A 64-bit varint read as two's complement (int64), exact within ±2⁵³. */
  int64(): number {
    const from = this.at;
    const value = this.varint();
    if (value < 2 ** 53) return value;
    return Number(BigInt.asIntN(64, this.bigVarint(from)));
  }

  /** sint64 (zigzag), exact within ±2⁵³. */
  sint64(): number {
    const from = this.at;
    const value = this.varint();
    if (value < 2 ** 53) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    const big = this.bigVarint(from);
    return Number((big >> 1n) ^ -(big & 1n));
  }

  double(): number {
    if (this.at + 8 > this.end) throw new WireError('double runs past the end');
    const value = this.bytes.readDoubleLE(this.at);
    this.at += 8;
    return value;
  }

  /** The range of a length-delimited field; the reader moves behind it. */
  range(): { start: number; end: number } {
    const length = this.uint32();
    const start = this.at;
    if (length > this.end - start) throw new WireError('field runs past the end');
    this.at = start + length;
    return { start, end: this.at };
  }

  message(): Reader {
    const { start, end } = this.range();
    return new Reader(this.bytes, start, end);
  }

  /** Moves behind the field whose tag was just read. */
  skip(tag: number): void {
    const wireType = tag & 7;
    if (tag < 8) throw new WireError('field number 0');
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 2) this.range();
    else if (wireType === 5) this.at += 4;
    else throw new WireError(`wire type ${String(wireType)} is not proto3`);
    if (this.at > this.end) throw new WireError('field runs past the end');
  }

  private bigVarint(from: number): bigint {
    let value = 0n;
    for (let at = from; at < this.at; at += 1) {
      value |= BigInt((this.bytes[at] ?? 0) & 0x7f) << BigInt(7 * (at - from));
    }
    return BigInt.asUintN(64, value);
  }
}
