import type { Procfs } from './root.ts';

const usualPageBytes = 4096;
const atPageSize = 6;

/**
 * Bytes of a memory page: AT_PAGESZ of the auxiliary vector, getauxval(3), pairs of 64-bit words. The low half is read, as
 * every machine that Node.js runs Linux on here is little-endian.
 * Some 300 bytes, where /proc/self/smaps would be hundreds of kilobytes.
 */
export function readPageBytes(procfs: Procfs): number {
  let words: Buffer;
  try {
    words = Buffer.from(procfs.readOnce('self/auxv'), 'latin1');
  } catch {
    return usualPageBytes;
  }
  for (let at = 0; at + 16 <= words.length; at += 16) {
    if (words.readUInt32LE(at) === atPageSize) return words.readUInt32LE(at + 8);
  }
  return usualPageBytes;
}
