import { describe, expect, it } from 'vitest';
import { createLogger, type Logger } from '../../../src/platform/index.ts';

function lineOf(write: (log: Logger) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(createLogger({ service: 'ingest', level: 'debug', write: (line) => lines.push(line) }));
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

describe('a line of the log', () => {
  it('has the shape of the requirements (PRP §14.2)', () => {
    const line = lineOf((log) =>
      log.info('accepted datapoints', { hostId: 'host-001', datapoints: 100 }),
    );
    expect(line).toEqual({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown,
      ...{ level: 'INFO', service: 'ingest', message: 'accepted datapoints' },
      ...{ host_id: 'host-001', datapoints: 100 },
    });
  });

  it.each([
    ['debug', 'DEBUG'],
    ['info', 'INFO'],
    ['warn', 'WARN'],
    ['error', 'ERROR'],
  ] as const)('of %s has the level %s', (level, text) => {
    expect(lineOf((log) => log[level]('x'))['level']).toBe(text);
  });

  it('below the level is not written', () => {
    const lines: string[] = [];
    const log = createLogger({ service: 's', level: 'warn', write: (line) => lines.push(line) });
    log.debug('a');
    log.info('b');
    log.warn('c');
    expect(lines).toHaveLength(1);
  });

  it('names the room that wrote it, once, with what was bound on the way', () => {
    const line = lineOf((log) => {
      log.child('http', { requestId: 'r-1' }).child('access').warn('x');
    });
    expect(line).toMatchObject({ service: 'access', request_id: 'r-1' });
  });

  it('keeps its own words: a field of such a name gets another', () => {
    const line = lineOf((log) => log.warn('the words', { message: 'm', level: 7, service: 'x' }));
    expect(line).toMatchObject({
      ...{ message: 'the words', level: 'WARN', service: 'ingest' },
      ...{ message_: 'm', level_: 7, service_: 'x' },
    });
  });
});

describe('a secret', () => {
  it.each([
    'password',
    'adminPassword',
    'api_key',
    'key',
    'refreshToken',
    'clientSecret',
    'cookie',
  ])('is not written as the field %s, at any depth', (name) => {
    const line = lineOf((log) => {
      log.child('x', { [name]: 'hunter2' }).error('e', {
        ...{ [name]: 'hunter2', deep: { one: [{ [name]: 'hunter2' }] } },
      });
    });
    expect(JSON.stringify(line)).not.toContain('hunter2');
    expect(JSON.stringify(line)).toContain('[redacted]');
  });

  it('is not written as a part of an address', () => {
    const error = new Error('connect postgres://gaugeway:hunter2@db:5432/x failed');
    const line = lineOf((log) => log.error('e', { error, url: 'smtps://u:hunter2@mail' }));
    expect(JSON.stringify(line)).not.toContain('hunter2');
    expect(line['url']).toBe('smtps://u:[redacted]@mail');
  });

  it('is told from what names it', () => {
    const line = lineOf((log) => log.info('x', { keyId: 'k-1', keyName: 'agents', tokens: 3 }));
    expect(line).toMatchObject({ key_id: 'k-1', key_name: 'agents', tokens: 3 });
  });
});
