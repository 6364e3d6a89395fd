import { Agent, request } from 'undici';
import { messageOf } from '../platform/index.ts';
import { outcomeOfStatus, retryAfterMs, type SendOutcome } from './outcome.ts';
import { guardTarget, type GuardTerms } from './target-guard.ts';

export interface PostTerms extends GuardTerms {
  timeoutMs: number;
  userAgent: string;
}

export interface Posting {
  target: string;
  body: string;
  headers: Readonly<Record<string, string>>;
  /** Cut out of what is kept of the answer. */
  secrets: readonly (string | undefined)[];
}

export type Post = (posting: Posting) => Promise<SendOutcome>;

const maxAnswerBytes = 16 * 1024;
const answerKept = 500;

/** Posts to a receiver that is not trusted: one address, no redirects, a bounded answer, a time limit for all of it. */
export function createPost(terms: PostTerms): Post {
  return async (posting) => {
    const strip = stripper(posting);
    const verdict = await guardTarget(posting.target, terms);
    if (!verdict.ok) {
      const answer = strip(verdict.message);
      // A name server that is away is no reason to give a message up.
      return { kind: verdict.reason === 'unresolvable' ? 'retry' : 'dead', answer };
    }
    const agent = new Agent({
      pipelining: 0,
      connect: {
        timeout: terms.timeoutMs,
        lookup: (_host, { all }, found) =>
          all
            ? found(null, [{ address: verdict.address, family: verdict.family }])
            : found(null, verdict.address, verdict.family),
      },
    });
    try {
      const { url } = verdict;
      const answered = await request(withoutCredentials(url), {
        ...{ method: 'POST', dispatcher: agent, body: posting.body },
        headers: {
          'content-type': 'application/json',
          'user-agent': terms.userAgent,
          ...basicAuth(url),
          ...posting.headers,
        },
        signal: AbortSignal.timeout(terms.timeoutMs),
      });
      const text = strip(await firstBytes(answered.body));
      const header = answered.headers['retry-after'];
      const wait = retryAfterMs(typeof header === 'string' ? header : header?.[0], Date.now());
      return outcomeOfStatus(answered.statusCode, text, wait);
    } catch (error) {
      return { kind: 'retry', answer: strip(messageOf(error)) };
    } finally {
      await agent.destroy();
    }
  };
}

function withoutCredentials(url: URL): URL {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare;
}

function basicAuth({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** A status was heard, so that what becomes of the rest of the answer does not matter. */
async function firstBytes(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= maxAnswerBytes) break;
    }
  } catch {
    // Closed early, or too slow.
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Receivers echo what they were sent: paths, passwords and keys must not end up in the trail. */
function stripper({ target, secrets }: Posting): (text: string) => string {
  const url = URL.canParse(target) ? new URL(target) : undefined;
  const path = url && url.pathname.length > 1 ? url.pathname + url.search : undefined;
  const parts = url?.pathname.split('/').filter((part) => part.length >= 8) ?? [];
  const words = [target, path, ...parts, url?.search, url?.password, ...secrets].filter(
    (word): word is string => word !== undefined && word.length >= 3,
  );
  return (text) =>
    words
      .reduce((left, word) => left.replaceAll(word, '[redacted]'), text)
      .replaceAll('\0', '')
      .slice(0, answerKept);
}
