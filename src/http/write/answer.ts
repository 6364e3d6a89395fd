import type { ServerResponse } from 'node:http';
import type { IngestOutcome, Written } from '../../ingest/index.ts';

interface WriteAnswer {
  status: number;
  body: string;
  written?: Written;
  retryAfterSeconds?: number;
}

function partialText(outcome: Extract<IngestOutcome, { kind: 'partial' }>): string {
  const counts = [...outcome.refused].map(([reason, count]) => `${reason}=${String(count)}`);
  const total = [...outcome.refused.values()].reduce((sum, count) => sum + count, 0);
  const first = outcome.examples[0];
  const example = first ? `; first: ${first.reason} ${first.series}` : '';
  return (
    `rejected ${String(total)} of ${String(outcome.received)}: ${counts.join(' ')}${example}; ` +
    'see GET /api/v1/ingest/rejections\n'
  );
}

/** The write table of the contract: outcome → status, and what the sender reads. */
export function toAnswer(outcome: IngestOutcome): WriteAnswer {
  switch (outcome.kind) {
    case 'accepted':
      return { status: 204, body: '', written: outcome.written };
    case 'partial':
      return { status: 400, body: partialText(outcome), written: outcome.written };
    case 'invalid':
      return { status: 400, body: `${outcome.reason}: ${outcome.message}\n` };
    case 'unsupported':
      return { status: 415, body: `unsupported_media: ${outcome.message}\n` };
    case 'over_budget':
      return {
        status: 429,
        body: `${outcome.reason}: ${outcome.message}\n`,
        written: outcome.written,
        retryAfterSeconds: outcome.retryAfterSeconds,
      };
    case 'overloaded':
      return {
        status: 503,
        body: `overloaded: ${outcome.message}\n`,
        retryAfterSeconds: outcome.retryAfterSeconds,
      };
  }
}

const zero: Written = { samples: 0, histograms: 0, exemplars: 0 };

/** Remote write 2.0 wants the Written headers always; on a 1.0 success they must be absent. */
function writeWritten(res: ServerResponse, answer: WriteAnswer, version: 1 | 2): void {
  if (version === 1 && answer.status === 204) return;
  const { samples, histograms, exemplars } = answer.written ?? zero;
  res.setHeader('X-Prometheus-Remote-Write-Samples-Written', samples);
  res.setHeader('X-Prometheus-Remote-Write-Histograms-Written', histograms);
  res.setHeader('X-Prometheus-Remote-Write-Exemplars-Written', exemplars);
}

export function sendOutcome(res: ServerResponse, outcome: IngestOutcome, version: 1 | 2): void {
  const answer = toAnswer(outcome);
  if (version === 2 || answer.status !== 204) writeWritten(res, answer, version);
  if (answer.retryAfterSeconds !== undefined) {
    res.setHeader('Retry-After', Math.ceil(answer.retryAfterSeconds));
  }
  sendText(res, answer.status, answer.body);
}

export function sendText(res: ServerResponse, status: number, body: string): void {
  if (res.headersSent || res.destroyed) return;
  res.statusCode = status;
  if (body === '') {
    res.end();
    return;
  }
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}
