import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { rootCertificates } from 'node:tls';
import { messageOf } from '../platform/index.ts';
import { CommandError, exitCodes, wrongUse } from './exit.ts';
import { refusalOf, unreachable } from './refusal.ts';
import type { Progress } from './show/progress.ts';

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Wanted {
  query?: Query;
  body?: unknown;
  /** In place of `body`. */
  text?: { type: string; content: string };
}

/** A running server's REST API, with one credential. */
export interface Remote {
  readonly url: string;
  /** Waits and asks again, for two minutes at most, where the server says that there were too many requests. */
  get<T>(path: string, query?: Query): Promise<T>;
  /** Asks once: what is not a read must not happen twice. */
  send<T>(method: 'POST' | 'PATCH' | 'DELETE', path: string, wanted?: Wanted): Promise<T>;
  /** A file by its signed link; bytes written. The credential stays with the server it belongs to. */
  download(link: string, into: Writable, onBytes: (bytes: number) => void): Promise<number>;
  close(): void;
}

interface Deps {
  url: string;
  /** Asked before each request: an access token lives for minutes. */
  authorization: () => Promise<string | undefined>;
  /** PEM of an authority to trust besides the usual ones. */
  ca?: string | undefined;
  timeoutMs: number;
  version: string;
  progress: Progress;
  sleep: (ms: number) => Promise<unknown>;
}

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

interface Outgoing {
  method: string;
  headers: Record<string, string | number>;
  agent?: HttpAgent;
  content?: string | undefined;
}

const longestWaitMs = 120_000;
const emptyWaitMs = 5_000;

export function createRemote(deps: Deps): Remote {
  const { url, progress } = deps;
  const base = baseOf(url);
  const isTls = base.protocol === 'https:';
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, ...trust(deps.ca) })
    : new HttpAgent({ keepAlive: true });

  async function ask(method: string, path: string, wanted: Wanted): Promise<Answer> {
    const at = new URL(base.pathname.replace(/\/$/, '') + path, base);
    for (const [name, value] of Object.entries(wanted.query ?? {})) {
      if (value !== undefined) at.searchParams.append(name, String(value));
    }
    const authorization = await deps.authorization();
    const body = bodyOf(wanted);
    const headers = {
      accept: 'application/json',
      'user-agent': `gaugeway-cli/${deps.version}`,
      ...(authorization === undefined ? {} : { authorization }),
      ...(body
        ? { 'content-type': body.type, 'content-length': Buffer.byteLength(body.content) }
        : {}),
    };
    const message = await open(at, { method, headers, agent, content: body?.content });
    return { status: message.statusCode ?? 0, headers: message.headers, text: await all(message) };
  }

  async function open(
    at: URL,
    { content, ...options }: Outgoing,
  ): Promise<IncomingMessage> {
    const request = at.protocol === 'https:' ? httpsRequest : httpRequest;
    try {
      return await new Promise((resolve, reject) => {
        const outgoing = request(at, { ...options, ...trust(deps.ca) }, resolve);
        outgoing.on('error', reject);
        // Without a sign of life; a long file may take longer.
        outgoing.setTimeout(deps.timeoutMs, () => {
          outgoing.destroy(Object.assign(new Error('late'), { code: 'ETIMEDOUT' }));
        });
        outgoing.end(content);
      });
    } catch (error) {
      throw unreachable(base.origin, error, deps.timeoutMs);
    }
  }

  async function all(message: IncomingMessage): Promise<string> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    } catch (error) {
      throw unreachable(base.origin, error, deps.timeoutMs);
    }
  }

  /** The parsed answer, or the refusal as an error. */
  function read<T>({ status, headers, text }: Answer): T {
    const json = parse(text);
    if (status >= 300 || (json === undefined && text !== '')) {
      throw refusalOf({ url: base.origin, status, headers, json });
    }
    return json as T;
  }

  return {
    url,
    async get<T>(path: string, query: Query = {}): Promise<T> {
      for (let waitedMs = 0; ; ) {
        const answer = await ask('GET', path, { query });
        const waitMs = answer.status === 429 ? retryAfterMs(answer) : 0;
        if (waitMs === 0 || waitedMs + waitMs > longestWaitMs) return read<T>(answer);
        progress.say(`too many requests: waiting ${String(Math.ceil(waitMs / 1_000))} s, as told …`);
        await deps.sleep(waitMs);
        waitedMs += waitMs;
        progress.clear();
      }
    },
    async send<T>(method: string, path: string, wanted: Wanted = {}): Promise<T> {
      return read<T>(await ask(method, path, wanted));
    },
    async download(link, into, onBytes) {
      const at = linkOf(link, base);
      const message = await open(at, { method: 'GET', headers: {} });
      if (message.statusCode !== 200) {
        const answer = { status: message.statusCode ?? 0, headers: message.headers };
        const json = parse(await all(message));
        throw refusalOf({ url: at.origin, ...answer, json });
      }
      let bytes = 0;
      message.on('data', (chunk: Buffer) => onBytes((bytes += chunk.length)));
      try {
        await pipeline(message, into);
      } catch (error) {
        throw new CommandError(`the file did not arrive whole: ${messageOf(error)}`, {
          ...{ code: exitCodes.failed, cause: error },
        });
      }
      return bytes;
    },
    close: () => agent.destroy(),
  };
}

function baseOf(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base && /^https?:$/.test(base.protocol)) return base;
  throw wrongUse(`"${url}" is no address: expected http://HOST:PORT or https://HOST:PORT`);
}

/** A link of the server itself is followed where we reach it, whatever it believes to be called. */
function linkOf(link: string, base: URL): URL {
  const at = new URL(link, base);
  return at.pathname.startsWith('/exports/') ? new URL(at.pathname + at.search, base) : at;
}

const trust = (ca: string | undefined) => (ca === undefined ? {} : { ca: [...rootCertificates, ca] });

function bodyOf({ body, text }: Wanted): { type: string; content: string } | undefined {
  if (text) return text;
  return body === undefined
    ? undefined
    : { type: 'application/json', content: JSON.stringify(body) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds, or a moment (RFC 9110 §10.2.3). */
function retryAfterMs({ headers }: Answer): number {
  const told = headers['retry-after'];
  if (told === undefined) return emptyWaitMs;
  const seconds = Number(told);
  const ms = Number.isNaN(seconds) ? Date.parse(told) - Date.now() : seconds * 1_000;
  return Number.isNaN(ms) ? emptyWaitMs : Math.max(1_000, ms);
}
