import type { Response } from 'express';
import { describe, expect, it, vi } from 'vitest';
import { sendError, toFault, type TransportError } from '../../../src/http/errors.ts';
import { GaugewayError, type ErrorCode } from '../../../src/platform/index.ts';

function answered(fault: GaugewayError | TransportError, shape: 'envelope' | 'prometheus') {
  const headers: Record<string, unknown> = {};
  const status = vi.fn();
  const json = vi.fn();
  const res = {
    setHeader: (name: string, value: unknown) => (headers[name] = value),
    status: (code: number) => (status(code), res),
    json,
  };
  sendError(res as unknown as Response, fault, shape);
  return { status: status.mock.lastCall?.[0], body: json.mock.lastCall?.[0], headers };
}

describe('an error', () => {
  it.each<[ErrorCode, number, string]>([
    ['BAD_REQUEST', 400, 'bad_data'],
    ['UNAUTHORIZED', 401, 'unauthorized'],
    ['FORBIDDEN', 403, 'forbidden'],
    ['NOT_FOUND', 404, 'not_found'],
    ['CONFLICT', 409, 'bad_data'],
    ['RATE_LIMIT_EXCEEDED', 429, 'too_many_requests'],
    ['INTERNAL_ERROR', 500, 'internal'],
    ['UNAVAILABLE', 503, 'unavailable'],
  ])('%s is %i, and %s for Prometheus', (code, status, errorType) => {
    const fault = new GaugewayError(code, 'words', { details: { a: 1 } });
    expect(answered(fault, 'envelope')).toMatchObject({
      ...{ status, body: { error: { code, message: 'words', details: { a: 1 } } } },
    });
    expect(answered(fault, 'prometheus')).toMatchObject({
      ...{ status, body: { status: 'error', errorType, error: 'words' } },
    });
  });

  it('says how to authenticate, and when to come again', () => {
    const { headers } = answered(new GaugewayError('UNAUTHORIZED', 'x'), 'envelope');
    expect(headers['WWW-Authenticate']).toMatch(/Basic .*Bearer /);
    const late = new GaugewayError('UNAVAILABLE', 'x', { retryAfterSeconds: 0.2 });
    expect(answered(late, 'envelope').headers['Retry-After']).toBe(1);
  });

  it('of the body parser is the client’s, a bug is nobody’s to see', () => {
    const parser = (type: string, status: number) =>
      Object.assign(new Error('secret path'), { type, status });
    expect(toFault(parser('entity.too.large', 413))).toMatchObject({ status: 413 });
    expect(toFault(parser('entity.parse.failed', 400))).toMatchObject({ code: 'BAD_REQUEST' });
    expect(toFault(parser('charset.unsupported', 415))).toMatchObject({ status: 415 });
    expect(toFault(parser('request.aborted', 400))).toMatchObject({ code: 'BAD_REQUEST' });
    expect(toFault(new TypeError('x is not a function'))).toBeUndefined();
  });
});
