import { GaugewayError } from '../platform/index.ts';
import { compareText, partialWarning, vectorAnswer } from './answer.ts';
import { askStorage, seconds, type QueryDeps } from './ask.ts';
import { showNewest } from './instant.ts';
import { matchSelectors } from './matchers.ts';
import { failure, type QueryOutcome } from './outcome.ts';
import type { Arguments } from './params.ts';
import { toStorageText } from './promql/storage-text.ts';
import { tenantLabel } from './tenancy.ts';

interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

interface Vector {
  data: { result: Sample[] };
  warnings?: string[];
}

/**
 * `/federate`: the newest value of every matching series as exposition text. Asked by instant queries, so that the
 * tenant is enforced as everywhere; the timestamp is that of the question.
 */
export async function federate(
  deps: QueryDeps,
  tenantId: string,
  args: Arguments,
): Promise<QueryOutcome> {
  const matches = matchSelectors(args, deps.limits.maxSelectors);
  if (matches.length === 0) throw new GaugewayError('BAD_REQUEST', 'no match[] parameter provided');
  const now = deps.clock.nowMs();
  const lines = new Map<string, string>();
  for (const selector of matches) {
    const query = toStorageText(selector, tenantLabel);
    const outcome = await askStorage(deps, {
      tenantId,
      read: { endpoint: 'query', across: { kind: 'union' } },
      args: [['query', query], ['time', seconds(now)], ['nocache', '1'], showNewest],
      timeoutMs: deps.limits.timeoutMs,
      shape: vectorAnswer,
      key: `federate ${Math.floor(now / 1000)}\0${query}`,
    });
    if (!outcome.ok) return outcome;
    const { data, warnings = [] } = JSON.parse(outcome.body.toString('utf8')) as Vector;
    // An exposition has no place for a warning, and whoever takes it takes it for all there is.
    if (warnings.includes(partialWarning)) return failure('unavailable', partialWarning);
    const { result } = data;
    for (const sample of result) addLine(lines, sample);
  }
  return { ok: true, body: Buffer.from(exposition(lines)) };
}

function addLine(lines: Map<string, string>, { metric, value }: Sample): void {
  const { __name__: name, ...labels } = metric;
  if (name === undefined) return;
  // As Prometheus does, so that the federating server's own instance label cannot creep in.
  const all = { instance: '', ...labels };
  const pairs = Object.entries(all)
    .sort(([a], [b]) => compareText(a, b))
    .map(([label, text]) => `${label}="${escapeValue(text)}"`);
  lines.set(`${name}{${pairs.join(',')}}`, `${value[1]} ${Math.round(value[0] * 1000)}`);
}

function escapeValue(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

function exposition(lines: ReadonlyMap<string, string>): string {
  let previous = '';
  let text = '';
  const bySeries = [...lines].sort(
    ([a], [b]) => compareText(nameOf(a), nameOf(b)) || compareText(a, b),
  );
  for (const [series, sample] of bySeries) {
    const name = nameOf(series);
    if (name !== previous) text += `# TYPE ${name} untyped\n`;
    previous = name;
    text += `${series} ${sample}\n`;
  }
  return text;
}

function nameOf(series: string): string {
  return series.slice(0, series.indexOf('{'));
}
