import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../exporter-agent/clock.ts';
import { loadConfig } from '../../../exporter-agent/config/load.ts';
import { createDelivery, openTransport } from '../../../exporter-agent/delivery.ts';
import { createEncoder } from '../../../exporter-agent/send/encode.ts';
import { snappy } from '../../support/snappy.ts';
import { Stage, until } from '../../support/stage.ts';

type Misbehave = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** An answer with a status and nothing else. */
const says =
  (status: number, headers: http.OutgoingHttpHeaders = {}): Misbehave =>
  (request, response) => {
    request.resume();
    response.writeHead(status, headers).end();
  };

const misbehaviours: Record<string, Misbehave> = {
  'answers 429 and when to come again': says(429, { 'retry-after': '1' }),
  'answers 500': says(500),
  'answers 503': says(503),
  'sends elsewhere': says(302, { location: 'http://127.0.0.1:1/' }),
  'does not know the key': says(401),
  'answers garbage': (request) => request.socket.end('\u0000\u0001 nonsense\r\n\r\n'),
  'resets the connection': (request) => request.socket.resetAndDestroy(),
  'closes within its answer': (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-length': 9 });
    response.write('ab', () => request.socket.destroy());
  },
  'answers a byte a second': (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-length': 999 });
    const timer = setInterval(() => response.write('.'), 1_000);
    response.on('close', () => clearInterval(timer));
  },
  'never answers': (request) => request.resume(),
  'does not read': (request) => request.pause(),
};

/** Misbehaves for the first requests; then takes what comes and notes it. */
async function startServer(stage: Stage, misbehave: Misbehave, times: number) {
  const taken: string[] = [];
  let requests = 0;
  const server = http.createServer((request, response) => {
    requests += 1;
    if (requests <= times) {
      misbehave(request, response);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      taken.push(Buffer.concat(chunks).toString('base64'));
      response.writeHead(204, { 'x-prometheus-remote-write-samples-written': 1 }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken };
}

async function startDelivery(stage: Stage, url: string) {
  const config = await loadConfig({
    env: { GAUGEWAY_AGENT_URL: url, GAUGEWAY_AGENT_STATE_DIR: stage.directory() },
    file: undefined,
  });
  const transport = await openTransport(config, { key: 'k', userAgent: 'gaugeway-agent/test' });
  const quiet = () => undefined;
  const delivery = createDelivery({
    ...{ config, transport, clock: systemClock },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    onTrouble: quiet,
  });
  stage.onEnd(() => {
    transport.close();
    delivery.spool.close();
  });
  return delivery;
}

/** Ticks far faster than an agent, until all that was sent has arrived; gives both. */
async function sendThrough(stage: Stage, misbehave: Misbehave) {
  const { url, taken } = await startServer(stage, misbehave, 2);
  const { sender, spool, dropped } = await startDelivery(stage, url);
  const encoder = createEncoder({
    labels: { host_id: 'h' },
    maxSeries: 10,
    metadataOf: () => undefined,
    compress: snappy,
  });
  const sent: string[] = [];
  const tick = () => {
    const bodies = encoder.encode([{ name: 'cpu_load1', value: 1, labels: [] }], sent.length + 1);
    sent.push(...bodies.map((body) => body.toString('base64')));
    void sender.offer(bodies, sent.length);
  };
  const ticking = setInterval(tick, 250);
  stage.onEnd(() => clearInterval(ticking));
  await until('it has recovered', () => Promise.resolve(taken.length > 5));
  await until('nothing waits', () => Promise.resolve(spool.stats().batches === 0));
  clearInterval(ticking);
  await sender.stop();
  await until('the last has arrived', () => Promise.resolve(taken.length >= sent.length), 15_000);
  return { sent, taken, dropped };
}

describe('a server that misbehaves for a while', () => {
  it.concurrent.each(Object.entries(misbehaviours))(
    '%s: nothing is lost, nothing is taken twice',
    async (_, misbehave) => {
      const stage = new Stage();
      try {
        const { sent, taken, dropped } = await sendThrough(stage, misbehave);
        expect([...taken].sort()).toEqual([...sent].sort());
        expect([...dropped]).toEqual([]);
      } finally {
        await stage.end();
      }
    },
  );
});
