import snappyJs from 'snappyjs';

/** By the declared library, which others wrote: what our own snappy is held against. */
export const snappy = (bytes: Uint8Array): Buffer => Buffer.from(snappyJs.compress(bytes));

export const unsnappy = (bytes: Uint8Array): Buffer => Buffer.from(snappyJs.uncompress(bytes));

/** A snappy block by hand: the declared length, then elements as they are. */
export function block(declared: number, ...elements: number[]): Buffer {
  const header: number[] = [];
  let rest = declared;
  while (rest >= 0x80) {
    header.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...header, rest, ...elements]);
}
