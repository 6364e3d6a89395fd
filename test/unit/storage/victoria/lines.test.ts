import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { linesOf } from '../../../../src/storage/victoria/lines.ts';

async function read(chunks: readonly string[], maxBytes = 100): Promise<string[]> {
  const lines: string[] = [];
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  for await (const line of linesOf(stream, maxBytes)) lines.push(line.toString('utf8'));
  return lines;
}

describe('linesOf', () => {
  it.each([
    [['a\nb\n'], ['a', 'b']],
    [
      ['a', 'b\nc', 'd'],
      ['ab', 'cd'],
    ],
    [['\n\na\n', '\n'], ['a']],
    [['ä'.slice(0, 1), '\n'], ['ä']],
    [[], []],
  ])('finds the lines of %j', async (chunks, lines) => {
    expect(await read(chunks)).toEqual(lines);
  });

  it('refuses a line that is too long, over as many chunks as it comes in', async () => {
    await expect(read(['12345', '67890', '1\n'], 10)).rejects.toThrow('more than 10 bytes');
    expect(await read(['12345', '67890', '\n'], 10)).toEqual(['1234567890']);
  });
});
