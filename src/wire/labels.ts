import { Reader, WireError } from './varint.ts';
import type { Label } from './write-request.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a byte range; a WireError where it is not UTF-8. */
export function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new WireError('invalid UTF-8');
  }
}

/** One Label or LabelPair message. A repeated or unknown field is refused: parsers differ on what it means. */
function readLabel(reader: Reader): Label {
  let name: string | undefined;
  let value: string | undefined;
  while (!reader.done) {
    const field = reader.uint32();
    const { start, end } = field === 0x0a || field === 0x12 ? reader.range() : unusual();
    const content = utf8(reader.bytes.subarray(start, end));
    if (field === 0x0a && name === undefined) name = content;
    else if (field === 0x12 && value === undefined) value = content;
    else unusual();
  }
  return [name ?? '', value ?? ''];
}

function unusual(): never {
  throw new WireError('label with a repeated or unknown field');
}

/** The leading run of Label fields of a TimeSeries, in their order, at most `limit`. Throws WireError. */
export function readLabels(bytes: Buffer, limit = Infinity): Label[] {
  const reader = new Reader(bytes);
  const labels: Label[] = [];
  while (!reader.done && labels.length < limit) {
    if (reader.uint32() !== 0x0a) throw new WireError('label run ends early');
    labels.push(readLabel(reader.message()));
  }
  return labels;
}

export { readLabel };
