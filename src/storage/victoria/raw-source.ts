import { GaugewayError, messageOf } from '../../platform/index.ts';
import type { RawSeries, RawSource, Span } from '../../retention/index.ts';
import type { VictoriaClient } from './client.ts';
import { linesOf } from './lines.ts';

/** Longest wait for an answer, or for its next bytes, milliseconds. */
const timeoutMs = 60_000;
/** More series than one question may look at (`-search.maxUniqueTimeseries`, 300,000 where nobody set it). */
const tooManyStatus = 422;
const namesPath = '/api/v1/label/__name__/values';
/** Of one question where storage looks at few series. */
const namesAtOnce = 32;
/** One series of one hour; a hundred times what a sample a second makes. */
const maxLineBytes = 16 * 1024 * 1024;

/**
 * Reads by `/api/v1/export` and counts by `count_over_time` (VictoriaMetrics docs, "How to export data in JSON line
 * format"), each with the tenant as the one `extra_label`. Names of a tenant with more series than storage looks at for one
 * answer are looked for among those of all.
 */
export function createRawSource(client: VictoriaClient): RawSource {
  const ask = async (tenantId: string, path: string, args: URLSearchParams): Promise<unknown> => {
    const answer = await client
      .request({ method: 'GET', path, tenantId, query: args, timeoutMs })
      .catch((error: unknown) => {
        throw unavailable(messageOf(error));
      });
    if (answer.status === tooManyStatus) return undefined;
    if (answer.status !== 200) throw unavailable(`it answered ${answer.status}`);
    return (JSON.parse(answer.body.toString('utf8')) as { data: unknown }).data;
  };
  /** Those of the names that the tenant has. */
  async function ownOf(
    tenantId: string,
    names: readonly string[],
    span: Span,
  ): Promise<readonly string[]> {
    const args = ofTenant(tenantId, within(span));
    args.set('match[]', `{__name__=~${JSON.stringify(names.map(escaped).join('|'))}}`);
    const own = await ask(tenantId, namesPath, args);
    if (own !== undefined) return own as string[];
    // One with more series than that is one that it has.
    if (names.length < 2) return names;
    const half = Math.ceil(names.length / 2);
    const first = await ownOf(tenantId, names.slice(0, half), span);
    return [...first, ...(await ownOf(tenantId, names.slice(half), span))];
  }

  const source: RawSource = {
    async names(tenantId, span) {
      const own = await ask(tenantId, namesPath, ofTenant(tenantId, within(span)));
      if (own !== undefined) return own as string[];
      // Without a tenant the index is asked and no series is looked at.
      const all = await ask(tenantId, namesPath, within(span));
      if (all === undefined) throw unavailable('it has too many names');
      const names: string[] = [];
      for (let at = 0; at < (all as string[]).length; at += namesAtOnce) {
        const some = (all as string[]).slice(at, at + namesAtOnce);
        names.push(...(await ownOf(tenantId, some, span)));
      }
      return names;
    },
    series: (tenantId, names, span, signal) => exported(client, { tenantId, names, span }, signal),
    async count(tenantId, names, span) {
      const { startMs, endMs } = span;
      const wanted = JSON.stringify(names.map(escaped).join('|'));
      const query = `sum(count_over_time({__name__=~${wanted}}[${String(endMs - startMs)}ms]))`;
      const args = new URLSearchParams({ query, time: String(endMs / 1_000), nocache: '1' });
      const answer = await ask(tenantId, '/api/v1/query', ofTenant(tenantId, args));
      if (answer === undefined) {
        if (names.length < 2) throw unavailable(`it has too many series of ${names.join('')}`);
        const half = Math.ceil(names.length / 2);
        const first = await source.count(tenantId, names.slice(0, half), span);
        return first + (await source.count(tenantId, names.slice(half), span));
      }
      const { result } = answer as { result: { value: [number, string] }[] };
      return Number(result[0]?.value[1] ?? 0);
    },
  };
  return source;
}

function ofTenant(tenantId: string, args: URLSearchParams): URLSearchParams {
  args.set('extra_label', `tenant=${tenantId}`);
  return args;
}

interface Wanted {
  tenantId: string;
  names: readonly string[];
  span: Span;
}

async function* exported(
  client: VictoriaClient,
  { tenantId, names, span }: Wanted,
  signal: AbortSignal,
): AsyncGenerator<RawSeries> {
  const args = within(span);
  for (const name of names) args.append('match[]', `{__name__=${JSON.stringify(name)}}`);
  const query = new URLSearchParams({ extra_label: `tenant=${tenantId}` });
  try {
    const { status, body } = await client.stream({
      ...{ method: 'POST', path: '/api/v1/export', tenantId, query, timeoutMs, signal },
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: args.toString(),
    });
    if (status !== 200) {
      let text = '';
      for await (const chunk of body) text = (text + chunk.toString('utf8')).slice(0, 300);
      throw unavailable(`it answered ${status}: ${text}`);
    }
    for await (const line of linesOf(body, maxLineBytes)) yield seriesOf(line);
  } catch (error) {
    if (error instanceof GaugewayError) throw error;
    throw unavailable(messageOf(error));
  }
}

/** Both ends of storage's arguments belong to the answer; samples of the start itself are of the hour before. */
function within({ startMs, endMs }: Span): URLSearchParams {
  return new URLSearchParams({
    start: String((startMs + 1) / 1_000),
    end: String(endMs / 1_000),
  });
}

interface Line {
  metric: Record<string, string>;
  /** Infinities are texts, stale markers null. */
  values: (number | string | null)[];
  timestamps: number[];
}

function seriesOf(line: Buffer): RawSeries {
  const { metric, values, timestamps } = JSON.parse(line.toString('utf8')) as Line;
  if (line.includes('"Infinity"') || line.includes('"-Infinity"')) {
    for (let at = 0; at < values.length; at += 1) {
      if (typeof values[at] === 'string') values[at] = Number(values[at]);
    }
  }
  return { labels: metric, values: values as (number | null)[], timestamps };
}

const escaped = (name: string): string => name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

function unavailable(why: string): GaugewayError {
  return new GaugewayError('UNAVAILABLE', `raw storage was not read: ${why}`, {
    details: { part: 'storage' },
    retryAfterSeconds: 5,
  });
}
