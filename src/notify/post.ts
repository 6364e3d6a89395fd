import { Agent, request } from 'undici';
import { messageOf } from '../platform/index.ts';
import type { SendOutcome } from './channel.ts';
import type { PinnedTarget } from './target-guard.ts';

const timeoutMs = 10_000;
/** Of an answer, what is kept for people to read. */
const mostAnswer = 500;
const mostRead = 64 * 1024;
/** A receiver may ask for patience, but not for ever. */
const longestWaitMs = 5 * 60_000;

export interface PostBody {
  body: string;
  headers?: Readonly<Record<string, string>>;
}

/** One POST to exactly the address that was guarded; redirects are answers, not followed. */
export async function post(
  target: PinnedTarget,
  { body, headers }: PostBody,
): Promise<SendOutcome> {
  const { url, address, family } = target;
  const agent = new Agent({
    connect: {
      timeout: timeoutMs,
      lookup: (_host, options, callback) => {
        if (options.all === true) callback(null, [{ address, family }]);
        else callback(null, address, family);
      },
    },
  });
  try {
    const answer = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'Gaugeway', ...headers },
      ...{ body, dispatcher: agent, headersTimeout: timeoutMs, bodyTimeout: timeoutMs },
    });
    const text = await readSome(answer.body);
    return outcomeOf(answer.statusCode, text, answer.headers['retry-after']);
  } catch (error) {
    return { kind: 'retry', answer: causeOf(error).slice(0, mostAnswer) };
  } finally {
    await agent.destroy();
  }
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : '';
  return `${messageOf(error)}${cause}`;
}

/** The beginning of an answer, however long it is. */
async function readSome(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > mostRead) break;
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, mostAnswer);
}

/** 408, 425, 429 and 5xx may pass another time; any other refusal stays one. */
function outcomeOf(
  status: number,
  answer: string,
  retryAfter: string | string[] | undefined,
): SendOutcome {
  if (status >= 200 && status < 300) return { kind: 'sent', status, answer };
  if (status < 500 && ![408, 425, 429].includes(status)) return { kind: 'dead', status, answer };
  const waitMs = waitOf(String(retryAfter ?? ''));
  return { kind: 'retry', status, answer, ...(waitMs === undefined ? {} : { waitMs }) };
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function waitOf(text: string): number | undefined {
  if (text === '') return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestWaitMs);
}
