import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock, Meters } from '../platform/index.ts';
import { principalOf } from './parse.ts';
import type { Call, Route } from './route.ts';

/** An answer that is JSON already. */
export class JsonText {
  readonly text: string;

  /** `fields` is an object's text, each of `more` a field of it whose value is JSON text. */
  constructor(fields: object, more: Readonly<Record<string, string>>) {
    const head = JSON.stringify(fields).slice(0, -1);
    const rest = Object.entries(more).map(([name, text]) => `,${JSON.stringify(name)}:${text}`);
    this.text = `${head}${rest.join('')}}`;
  }
}

/** A JSON answer as it is sent. */
interface Kept {
  body: Buffer;
  etag: string;
}

/** Answers of the last seconds, each asked for once however many want it at the same time (PRP REQ-API-005). */
export interface ReadCache {
  /** The tenant's answer under this key; failures are not kept. */
  get(tenantId: string, key: string, load: () => Promise<unknown>): Promise<Kept>;
  /** After a change in this process, so that who made it sees it. Other processes' answers age out. */
  forget(tenantId: string): void;
}

interface Deps {
  /** 0 keeps nothing; one that is underway is shared all the same. */
  ttlMs: number;
  maxBytes: number;
  clock: Clock;
  meters: Meters;
}

export function createReadCache({ ttlMs, maxBytes, clock, meters }: Deps): ReadCache {
  const lookups = meters.counter({
    name: 'gaugeway_http_cache_requests_total',
    help: 'Cacheable reads of the REST API by where their answer came from: hit, shared (joined one underway), miss.',
    labelNames: ['result'],
  });
  const kept = new LRUCache<string, Kept>({
    maxSize: Math.max(1, maxBytes),
    maxEntrySize: Math.max(1, Math.floor(maxBytes / 4)),
    sizeCalculation: ({ body }, key) => body.length + key.length * 2 + 64,
    ...{ ttl: ttlMs, ttlResolution: 0, perf: { now: () => clock.monotonicMs() } },
  });
  const underway = new Map<string, Promise<Kept>>();
  /** Part of the keys: what a change made untrue is never found again. */
  const generations = new LRUCache<string, number>({ max: 10_000 });

  async function start(key: string, load: () => Promise<unknown>): Promise<Kept> {
    try {
      const loaded = await load();
      const body = Buffer.from(loaded instanceof JsonText ? loaded.text : JSON.stringify(loaded));
      const etag = `"${createHash('sha1').update(body).digest('base64url')}"`;
      const answer = { body, etag };
      // A ttl of 0 means for ever to the library.
      if (ttlMs > 0) kept.set(key, answer);
      return answer;
    } finally {
      underway.delete(key);
    }
  }

  return {
    get(tenantId, question, load) {
      const key = `${tenantId}\0${generations.get(tenantId) ?? 0}\0${question}`;
      const found = kept.get(key);
      const shared = found ? undefined : underway.get(key);
      lookups.inc({ result: found ? 'hit' : shared ? 'shared' : 'miss' });
      if (found) return Promise.resolve(found);
      if (shared) return shared;
      const asked = start(key, load);
      underway.set(key, asked);
      return asked;
    },
    forget(tenantId) {
      generations.set(tenantId, (generations.get(tenantId) ?? 0) + 1);
    },
  };
}

/** A handler whose JSON answer depends on the tenant and the URL alone, with ETag and 304. */
export function cachedRead(
  cache: ReadCache,
  load: (call: Call) => Promise<unknown>,
): Route['handle'] {
  return async (call) => {
    const { req, res } = call;
    const { tenantId } = principalOf(call);
    const { body, etag } = await cache.get(tenantId, req.originalUrl, () => load(call));
    // Asked again each time, so that nobody's own change is hidden from them by their browser.
    res.setHeader('Cache-Control', 'private, no-cache');
    res.setHeader('ETag', etag);
    if (isKnown(req.get('if-none-match'), etag)) {
      res.status(304).end();
      return;
    }
    res.setHeader('Content-Type', 'application/json; charset=utf-8');
    res.end(body);
  };
}

/** RFC 9110 §13.1.2. Express's own check gives up where `Cache-Control: no-cache` stands beside, which fetch() sends. */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const known = header.split(',').map((one) => one.trim().replace(/^W\//, ''));
  return known.includes(etag) || known.includes('*');
}
