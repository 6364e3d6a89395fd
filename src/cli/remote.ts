import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../platform/index.ts';
import { CommandError, exitCodes, wrongUse } from './exit.ts';
import { refusalOf, type AnswerHeaders } from './refusal.ts';
import type { Progress } from './show/progress.ts';
import { createTransport, type Transport } from './transport.ts';

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Wanted {
  query?: Query;
  body?: unknown;
  /** In place of `body`. */
  text?: { type: string; content: string };
}

/** A running server's REST API, with one credential; the caller says what shape an answer has. */
export interface Remote {
  readonly url: string;
  /** Waits and asks again, for two minutes at most, where the server says that there were too many requests. */
  get<T>(path: string, query?: Query): Promise<T>;
  /** Asks once: what is not a read must not happen twice. */
  send<T>(method: 'POST' | 'PATCH' | 'DELETE', path: string, wanted?: Wanted): Promise<T>;
  /** A file by its signed link; bytes written. The credential stays with the server that it is of. */
  download(link: string, into: Writable, onBytes: (bytes: number) => void): Promise<number>;
  close(): void;
}

interface Deps {
  url: string;
  /** Asked before each request: an access token lives for minutes. */
  authorization: () => Promise<string | undefined>;
  /** PEM of an authority to trust besides the usual ones. */
  ca: string | undefined;
  timeoutMs: number;
  version: string;
  progress: Progress;
  sleep: (ms: number) => Promise<unknown>;
}

interface Answer {
  status: number;
  headers: AnswerHeaders;
  text: string;
}

const longestWaitMs = 120_000;
const usualWaitMs = 5_000;

export function createRemote(deps: Deps): Remote {
  const { url, progress, sleep } = deps;
  const base = baseOf(url);
  const transport = createTransport({ ca: deps.ca, timeoutMs: deps.timeoutMs });

  async function ask(method: string, path: string, wanted: Wanted): Promise<Answer> {
    const at = addressOf(base, path, wanted.query);
    const authorization = await deps.authorization();
    const body = bodyOf(wanted);
    const message = await transport.open(at, {
      method,
      headers: {
        accept: 'application/json',
        'user-agent': `gaugeway-cli/${deps.version}`,
        ...(authorization === undefined ? {} : { authorization }),
        ...(body ? { 'content-type': body.type } : {}),
        ...(body ? { 'content-length': Buffer.byteLength(body.content) } : {}),
      },
      content: body?.content,
    });
    const text = await transport.textOf(at, message);
    return { status: message.statusCode ?? 0, headers: message.headers, text };
  }

  async function read(path: string, query: Query): Promise<unknown> {
    for (let waitedMs = 0; ;) {
      const answer = await ask('GET', path, { query });
      const waitMs = answer.status === 429 ? retryAfterMs(answer.headers) : Infinity;
      if (waitedMs + waitMs > longestWaitMs) return jsonOf(base, answer);
      progress.tell(`too many requests: waiting ${String(Math.ceil(waitMs / 1_000))} s, as told …`);
      await sleep(waitMs);
      waitedMs += waitMs;
      progress.clear();
    }
  }

  return {
    url,
    get: (path, query = {}) => read(path, query) as Promise<never>,
    send: async (method, path, wanted = {}) =>
      jsonOf(base, await ask(method, path, wanted)) as never,
    download: (link, into, onBytes) => fetchFile(transport, linkOf(link, base), into, onBytes),
    close: () => transport.close(),
  };
}

async function fetchFile(
  transport: Transport,
  at: URL,
  into: Writable,
  onBytes: (bytes: number) => void,
): Promise<number> {
  const message = await transport.open(at, { method: 'GET', headers: {} });
  if (message.statusCode !== 200) {
    const { statusCode: status = 0, headers } = message;
    const json = parse(await transport.textOf(at, message));
    throw refusalOf({ url: at.origin, status, headers, json });
  }
  let bytes = 0;
  message.on('data', (chunk: Buffer) => onBytes((bytes += chunk.length)));
  try {
    await pipeline(message, into);
    return bytes;
  } catch (error) {
    // Who read our output has read enough.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return bytes;
    throw new CommandError(`the file did not arrive whole: ${messageOf(error)}`, {
      ...{ code: exitCodes.failed, cause: error },
    });
  }
}

/** The parsed answer, or the refusal as an error. */
function jsonOf(base: URL, { status, headers, text }: Answer): unknown {
  const json = parse(text);
  if (status >= 300 || (json === undefined && text !== '')) {
    throw refusalOf({ url: base.origin, status, headers, json });
  }
  return json;
}

function baseOf(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base && /^https?:$/.test(base.protocol)) return base;
  throw wrongUse(`"${url}" is no address: expected http://HOST:PORT or https://HOST:PORT`);
}

/** The address may have a path of its own, where a proxy serves it below one. */
function addressOf(base: URL, path: string, query: Query = {}): URL {
  const at = new URL(base.pathname.replace(/\/$/, '') + path, base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) at.searchParams.append(name, String(value));
  }
  return at;
}

/** A link of the server itself is followed where we reach it, whatever it believes to be called. */
function linkOf(link: string, base: URL): URL {
  const at = new URL(link, base);
  return at.pathname.startsWith('/exports/') ? new URL(at.pathname + at.search, base) : at;
}

function bodyOf({ body, text }: Wanted): Wanted['text'] {
  if (text) return text;
  if (body === undefined) return undefined;
  return { type: 'application/json', content: JSON.stringify(body) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds, or a moment (RFC 9110 §10.2.3). */
function retryAfterMs({ 'retry-after': told }: AnswerHeaders): number {
  if (typeof told !== 'string') return usualWaitMs;
  const seconds = Number(told);
  const ms = Number.isNaN(seconds) ? Date.parse(told) - Date.now() : seconds * 1_000;
  return Number.isNaN(ms) ? usualWaitMs : Math.max(1_000, ms);
}
