import { Reader } from '../wire/index.ts';

/**
 * Joins snappy blocks of protobuf messages into one block of the joined message, without decoding them:
 * repeated fields of concatenated messages add up (protobuf encoding guide), and a snappy block is its length
 * followed by elements that refer back only within themselves.
 */
export function mergeBlocks(blocks: readonly (readonly Uint8Array[])[]): Buffer {
  const only = blocks[0];
  if (blocks.length === 1 && only) return join(only);
  let total = 0;
  const parts: Uint8Array[] = [];
  for (const block of blocks) {
    const { declared, headerBytes } = preamble(block);
    total += declared;
    let skip = headerBytes;
    for (const chunk of block) {
      if (skip < chunk.length) parts.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = Math.max(0, skip - chunk.length);
    }
  }
  return Buffer.concat([varint(total), ...parts]);
}

/** Bytes that the block decodes to. */
export function decodedBytes(block: readonly Uint8Array[]): number {
  return preamble(block).declared;
}

function join(chunks: readonly Uint8Array[]): Buffer {
  const only = chunks[0];
  if (chunks.length === 1 && only) return Buffer.from(only.buffer, only.byteOffset, only.length);
  return Buffer.concat(chunks);
}

function preamble(block: readonly Uint8Array[]): { declared: number; headerBytes: number } {
  const first = block[0];
  const head =
    first && first.length >= 5
      ? Buffer.from(first.buffer, first.byteOffset, 5)
      : Buffer.concat(block).subarray(0, 5);
  const reader = new Reader(head);
  const declared = reader.uint32();
  return { declared, headerBytes: reader.at };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}
