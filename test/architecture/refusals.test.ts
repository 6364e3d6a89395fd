import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reasons } from '../../src/ingest/judge/reason.ts';

const page = readFileSync(
  new URL('../../docs/reference/write-refusals.md', import.meta.url),
  'utf8',
);
const headings = [...page.matchAll(/^### `(\w+)`$/gm)].map((match) => match[1]);

describe('docs/reference/write-refusals.md', () => {
  it('explains every reason under a heading of its own, once', () => {
    expect([...headings].sort()).toEqual([...reasons].sort());
  });

  it('says more about each than its name', () => {
    const sections = page.split(/^### `\w+`$/m).slice(1);
    for (const [index, section] of sections.entries()) {
      const words = section.split(/^##/m)[0]?.trim() ?? '';
      expect(words.length, `text under ${headings[index]}`).toBeGreaterThan(10);
    }
  });
});
