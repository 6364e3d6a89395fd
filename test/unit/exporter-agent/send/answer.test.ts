import { expect, it } from 'vitest';
import { describe as described } from '../../../../exporter-agent/send/answer.ts';

it('cuts what a server says to a line, and no character in half', () => {
  const text = `${'x'.repeat(199)}😀 and more`;
  const line = described({
    kind: 'answered',
    status: 500,
    headers: {},
    retryAfterMs: undefined,
    text,
  });
  expect(line).toBe(`HTTP 500: ${'x'.repeat(199)}\ufffd`);
});
