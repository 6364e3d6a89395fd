/** Of the longest one. */
const varintBytes = 10;

/** A growing byte buffer that writes protobuf; `reset` keeps its memory for the next message. */
export class Writer {
  private buffer: Buffer;
  private length = 0;

  constructor(initialBytes = 4096) {
    this.buffer = Buffer.allocUnsafe(initialBytes);
  }

  reset(): void {
    this.length = 0;
  }

  get size(): number {
    return this.length;
  }

  /** A view of what was written; the next write may overwrite it. */
  view(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  /** A copy of what was written. */
  finish(): Buffer {
    return Buffer.from(this.view());
  }

  byte(value: number): void {
    this.room(1);
    this.buffer[this.length] = value;
    this.length += 1;
  }

  /** An unsigned varint of a whole number below 2⁵³. */
  varint(value: number): void {
    this.room(varintBytes);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.length] = (rest % 128) | 0x80;
      this.length += 1;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.length] = rest;
    this.length += 1;
  }

  /** int64: negative numbers take ten bytes, as protobuf has it. */
  int64(value: number): void {
    if (value >= 0) {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    this.room(10);
    while (rest >= 0x80n) {
      this.buffer[this.length] = Number(rest & 0x7fn) | 0x80;
      this.length += 1;
      rest >>= 7n;
    }
    this.buffer[this.length] = Number(rest);
    this.length += 1;
  }

  double(value: number): void {
    this.room(8);
    this.buffer.writeDoubleLE(value, this.length);
    this.length += 8;
  }

  /** Eight bytes as they are: a NaN's payload does not survive being a number. */
  raw(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A length-delimited field of the given tag byte. */
  bytes(tag: number, content: Uint8Array): void {
    this.byte(tag);
    this.varint(content.length);
    this.raw(content);
  }

  text(tag: number, content: string): void {
    this.byte(tag);
    const size = Buffer.byteLength(content);
    this.varint(size);
    this.room(size);
    this.length += this.buffer.write(content, this.length);
  }

  /** A nested message whose length is known only when `fill` is done. */
  message(tag: number, fill: () => void): void {
    this.byte(tag);
    const lengthAt = this.length;
    this.length += 1;
    this.room(0);
    const start = this.length;
    fill();
    const size = this.length - start;
    const header = size < 0x80 ? 1 : size < 0x4000 ? 2 : size < 0x20_0000 ? 3 : 5;
    // Here and not when the length is written: a buffer that grows takes along what lies before its end.
    this.room(varintBytes);
    if (header > 1) this.buffer.copyWithin(start + header - 1, start, this.length);
    this.length = lengthAt;
    this.varint(size);
    this.length = lengthAt + header + size;
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + bytes + 64));
    larger.set(this.view());
    this.buffer = larger;
  }
}
