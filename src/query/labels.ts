import { GaugewayError } from '../platform/index.ts';
import { compareText } from './answer.ts';
import { longestKeptMs, seconds, type QueryDeps } from './ask.ts';
import { matchSelectors, storageMatch } from './matchers.ts';
import { success, type QueryOutcome } from './outcome.ts';
import { limit, timeRange, type Arguments } from './params.ts';
import type { StorageRead } from './series-reader.ts';
import { tenantLabel, type StorageArguments } from './tenancy.ts';
import { askLists, tiersSince } from './tiers/lists.ts';
import { withoutAggregates, type ReadTier } from './tiers/tier.ts';

export const truncatedWarning = 'results truncated due to limit';

const legacyLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Names that can be one segment of a path whatever decodes it on the way; `.` and `..` are not. */
const pathSafeLabel = /^(?!\.{1,2}$)[\p{L}\p{N}_.: -]+$/u;

/** The stored name behind Prometheus's `U__` escaping of names outside ASCII letters (model.UnescapeName), or undefined. */
export function unescapeLabelName(name: string): string | undefined {
  if (!name.startsWith('U__')) return legacyLabel.test(name) ? name : undefined;
  let unknown = 0;
  const text = name.slice(3).replace(/__|_([0-9a-fA-F]{1,6})_|_/g, (all, hex?: string) => {
    if (all === '__') return '_';
    const code = parseInt(hex ?? '', 16);
    const known = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
    if (!known) unknown++;
    return known ? String.fromCodePoint(code) : '';
  });
  return unknown === 0 && text !== '' && !text.includes('\0') ? text : undefined;
}

/** `/api/v1/labels`. */
export function labelNames(
  deps: QueryDeps,
  tenantId: string,
  args: Arguments,
): Promise<QueryOutcome> {
  return names(deps, { tenantId, args, read: { endpoint: 'labels' } });
}

/** `/api/v1/label/NAME/values`. Throws 400 for what is no label name. */
export async function labelValues(
  deps: QueryDeps,
  request: { tenantId: string; label: string; args: Arguments },
): Promise<QueryOutcome> {
  const label = unescapeLabelName(request.label);
  if (label === undefined) {
    throw new GaugewayError('BAD_REQUEST', `invalid label name: ${JSON.stringify(request.label)}`);
  }
  // Hidden, or impossible to ask storage for without ambiguity in its path: nobody's label, as with any unknown name.
  if (label === tenantLabel || !pathSafeLabel.test(label)) return success([]);
  return names(deps, { ...request, read: { endpoint: 'label_values', label } });
}

async function names(
  deps: QueryDeps,
  request: { tenantId: string; args: Arguments; read: StorageRead },
): Promise<QueryOutcome> {
  const { tenantId, args, read } = request;
  const wanted = limit(args);
  const matches = matchSelectors(args, deps.limits.maxSelectors).map(storageMatch);
  const range = keptRange(deps, tenantId, args);
  const storageArgs: StorageArguments = [
    ...matches,
    ...range.args,
    // One more than wanted shows that there is more; the tenant's own label may be among them.
    ...(wanted > 0 ? [['limit', String(wanted + 2)] as const] : []),
  ];
  const lists = await askLists(deps, range.tiers, {
    ...{ tenantId, read, args: storageArgs, timeoutMs: deps.limits.timeoutMs },
    key: [...matches.map(([, text]) => text), range.key, wanted].join('\0'),
  });
  if (!lists.ok) return lists;
  const isMetricNames = read.endpoint === 'label_values' && read.label === '__name__';
  const found = [...new Set(lists.data.flat() as string[])].filter((name) => name !== tenantLabel);
  const hides = isMetricNames && range.tiers.length > 1;
  const all = (hides ? withoutAggregates(found, (name) => name) : found).sort(compareText);
  return { ok: true, body: limited(all, wanted, lists.warnings) };
}

/** A list cut to its limit, which Prometheus says in a warning. */
export function limited(all: readonly unknown[], wanted: number, warnings: string[]): Buffer {
  const cut = wanted > 0 && all.length > wanted;
  const outcome = success(
    cut ? all.slice(0, wanted) : all,
    cut ? [...warnings, truncatedWarning] : warnings,
  );
  return outcome.ok ? outcome.body : Buffer.alloc(0);
}

/** Start and end for storage: all that is kept where the client names none, and never more. */
export function keptRange(
  deps: QueryDeps,
  tenantId: string,
  args: Arguments,
): { args: StorageArguments; key: string; tiers: readonly ReadTier[] } {
  const nowMs = deps.clock.nowMs();
  const oldestMs = nowMs - longestKeptMs(deps, tenantId);
  const { startMs, endMs } = timeRange(args, { startMs: oldestMs, endMs: nowMs });
  // Storage keeps nothing that is further ahead than two days, and chokes on the far future.
  const latestMs = nowMs + 2 * 86_400_000;
  const start = Math.min(Math.max(startMs, oldestMs), latestMs);
  const end = Math.min(Math.max(endMs, start), latestMs);
  const given = args.has('start') || args.has('end');
  return {
    args: [
      ['start', seconds(start)],
      ['end', seconds(end)],
    ],
    tiers: tiersSince(deps, { tenantId, startMs: start, nowMs }),
    key: given ? `${startMs} ${endMs}` : `now ${Math.floor(nowMs / 1000)}`,
  };
}
