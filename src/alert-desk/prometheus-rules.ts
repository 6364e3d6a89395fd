import { createHash } from 'node:crypto';
import { compileMatchers, type SilenceMatcher } from '../alerts/index.ts';
import { GaugewayError, messageOf } from '../platform/index.ts';
import { parseSelector, type Matcher } from '../query/index.ts';
import type { Rule } from '../rules/index.ts';
import type {
  EvaluationStore,
  FileRules,
  GroupStatus,
  RuleHealth,
  RuleStore,
  StoredAlert,
} from './ports.ts';
import { alertsByRule, toPrometheusAlert } from './prometheus-alerts.ts';
import { fromStored } from './rule-book.ts';

interface Deps {
  store: RuleStore;
  evaluations: EvaluationStore;
  files: FileRules;
}

export interface RuleGroupsView {
  groups: readonly object[];
  groupNextToken?: string;
}

interface Filter {
  type: 'alert' | 'record' | undefined;
  files: readonly string[];
  groups: readonly string[];
  rules: readonly string[];
  /** Each of them is enough. */
  matches: readonly ((labels: ReadonlyMap<string, string>) => boolean)[];
  withAlerts: boolean;
  limit: number;
  nextToken: string;
}

interface Group {
  key: string;
  file: string;
  name: string;
  intervalMs: number;
  rules: readonly { key: string; rule: Rule }[];
}

/** Where rules made by API are said to stand. */
const apiGroup = { key: 'api', file: 'api', name: 'api', intervalMs: 30_000 };

/** `/api/v1/rules` as Prometheus 3.5 answers it (web/api/v1/api.go `rules`). Throws BAD_REQUEST for a bad argument. */
export async function ruleGroupsView(
  deps: Deps,
  tenantId: string,
  args: URLSearchParams,
): Promise<RuleGroupsView> {
  const filter = filterOf(args);
  const [statuses, stored, counts, alerts] = await Promise.all([
    deps.evaluations.groups(tenantId),
    deps.store.list(tenantId),
    deps.evaluations.counts(tenantId),
    filter.withAlerts ? deps.evaluations.alerts(tenantId) : Promise.resolve([]),
  ]);
  const groups: Group[] = deps.files.groups(tenantId).map(({ key, file, name, rules, rhythm }) => ({
    ...{ key, file, name, intervalMs: rhythm.intervalMs },
    rules: rules.filter(({ rule }) => rule.kind === 'record' || rule.enabled),
  }));
  const made = stored.filter(({ enabled }) => enabled).flatMap((rule) => fromStored(rule));
  if (made.length > 0) groups.push({ ...apiGroup, rules: made });
  groups.sort((a, b) => compare(a.file, b.file) || compare(a.name, b.name));
  const seen = { statuses, counts, alerts: alertsByRule(alerts), filter };
  const shown = groups.flatMap((group) => {
    const json = groupJson(group, seen);
    return json === undefined ? [] : [{ token: tokenOf(group), json }];
  });
  return page(shown, filter);
}

/** `/api/v1/alerts`: all that pend or fire. */
export async function alertsView(
  evaluations: EvaluationStore,
  tenantId: string,
): Promise<readonly object[]> {
  return (await evaluations.alerts(tenantId)).map(toPrometheusAlert);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const tokenOf = ({ file, name }: Group): string =>
  createHash('sha1').update(`${file};${name}`).digest('hex');

/** The token names the group that the next page begins with. */
function page(
  shown: readonly { token: string; json: object }[],
  { limit, nextToken }: Filter,
): RuleGroupsView {
  const first = nextToken === '' ? 0 : shown.findIndex(({ token }) => token === nextToken);
  if (first < 0) {
    throw new GaugewayError(
      'BAD_REQUEST',
      `invalid parameter "group_next_token": invalid group_next_token '${nextToken}'. were rule groups changed?`,
    );
  }
  const end = limit === 0 ? shown.length : first + limit;
  const next = shown[end];
  return {
    groups: shown.slice(first, end).map(({ json }) => json),
    ...(next ? { groupNextToken: next.token } : {}),
  };
}

function filterOf(args: URLSearchParams): Filter {
  const type = args.get('type')?.toLowerCase() ?? '';
  if (type !== '' && type !== 'alert' && type !== 'record') {
    throw badParameter('type', `not supported value "${type}"`);
  }
  const limit = wholeNumber(args, 'group_limit');
  const nextToken = args.get('group_next_token') ?? '';
  if (nextToken !== '' && limit === 0) {
    throw badParameter(
      'group_next_token',
      'group_limit needs to be present in order to paginate over the groups',
    );
  }
  return {
    type: type === '' ? undefined : type,
    files: args.getAll('file[]'),
    groups: args.getAll('rule_group[]'),
    rules: args.getAll('rule_name[]'),
    matches: args.getAll('match[]').map(matcherOf),
    withAlerts: !isTrue(args, 'exclude_alerts'),
    ...{ limit, nextToken },
  };
}

const badParameter = (name: string, reason: string): GaugewayError =>
  new GaugewayError('BAD_REQUEST', `invalid parameter "${name}": ${reason}`);

function wholeNumber(args: URLSearchParams, name: string): number {
  const text = args.get(name) ?? '';
  if (text === '') return 0;
  if (!/^[+-]?\d{1,9}$/.test(text)) {
    const reason = `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw badParameter(name, `${name} needs to be a valid number: ${reason}`);
  }
  if (Number(text) <= 0) throw badParameter(name, `${name} needs to be greater than 0`);
  return Number(text);
}

/** Go's strconv.ParseBool. */
function isTrue(args: URLSearchParams, name: string): boolean {
  const text = args.get(name) ?? '';
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (text === '' || /^(?:0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw badParameter(
    name,
    `error converting ${name}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function matcherOf(text: string) {
  try {
    const { name, matchers } = parseSelector(text);
    const named: Matcher[] = name === '' ? [] : [{ name: '__name__', op: '=', value: name }];
    return compileMatchers([...named, ...matchers].map(toSilenceMatcher));
  } catch (error) {
    throw badParameter('match[]', messageOf(error));
  }
}

const toSilenceMatcher = ({ name, op, value }: Matcher): SilenceMatcher => ({
  ...{ name, value, isRegex: op.endsWith('~'), isEqual: !op.startsWith('!') },
});

interface Seen {
  statuses: readonly GroupStatus[];
  counts: Awaited<ReturnType<EvaluationStore['counts']>>;
  alerts: ReadonlyMap<string, readonly StoredAlert[]>;
  filter: Filter;
}

/** Undefined of a group that the arguments leave out, or leave nothing of. */
function groupJson(group: Group, seen: Seen): object | undefined {
  const { files, groups } = seen.filter;
  const isAmong = (names: readonly string[], name: string) =>
    names.length === 0 || names.includes(name);
  if (!isAmong(files, group.file) || !isAmong(groups, group.name)) return undefined;
  const chosen = group.rules.filter(({ rule }) => isChosen(rule, seen.filter));
  if (chosen.length === 0 && group.rules.length > 0) return undefined;
  const status = statusOf(group, seen.statuses);
  const health = new Map(seen.statuses.flatMap((one) => Object.entries(one.health)));
  return {
    name: group.name,
    file: group.file,
    rules: chosen.map(({ key, rule }) => ruleJson(rule, health.get(key), ofRule(key, seen))),
    interval: (status?.intervalMs ?? group.intervalMs) / 1000,
    limit: limitOf(group),
    evaluationTime: (status?.durationMs ?? 0) / 1000,
    lastEvaluation: timeText(status?.lastSlotMs ?? undefined),
  };
}

/** Rules made by API are evaluated in several groups: the latest speaks for them. */
function statusOf({ key }: Group, statuses: readonly GroupStatus[]): GroupStatus | undefined {
  if (key !== apiGroup.key) return statuses.find((status) => status.key === key);
  return statuses
    .filter((status) => status.key.startsWith(`${apiGroup.file};`))
    .sort((a, b) => (b.lastSlotMs ?? 0) - (a.lastSlotMs ?? 0))[0];
}

/** Each alerting rule has its group's. */
const limitOf = ({ rules }: Group): number =>
  rules.reduce((most, { rule }) => Math.max(most, rule.kind === 'alert' ? rule.limit : 0), 0);

function isChosen(rule: Rule, { type, rules, matches }: Filter): boolean {
  if (type !== undefined && rule.kind !== type) return false;
  if (rules.length > 0 && !rules.includes(rule.name)) return false;
  const labels = new Map(Object.entries(labelsJson(rule)));
  return matches.length === 0 || matches.some((test) => test(labels));
}

const labelsJson = (rule: Rule): Record<string, string> =>
  Object.fromEntries(
    [...rule.labels].map(([name, text]): [string, string] => [
      name,
      typeof text === 'string' ? text : text.text,
    ]),
  );

interface OfRule {
  state: 'firing' | 'pending' | 'inactive';
  /** Null where they are not asked for. */
  alerts: readonly StoredAlert[] | null;
}

function ofRule(key: string, { counts, alerts, filter }: Seen): OfRule {
  const { firing, pending } = counts.get(key) ?? { firing: 0, pending: 0 };
  return {
    state: firing > 0 ? 'firing' : pending > 0 ? 'pending' : 'inactive',
    alerts: filter.withAlerts ? (alerts.get(key) ?? []) : null,
  };
}

function ruleJson(rule: Rule, health: RuleHealth | undefined, { state, alerts }: OfRule): object {
  const evaluated = evaluatedJson(health);
  const { name, expression: query } = rule;
  const labels = labelsJson(rule);
  if (rule.kind === 'record') {
    const shown = rule.labels.size === 0 ? {} : { labels };
    return { name, query, ...shown, ...evaluated, type: 'recording' };
  }
  const annotations = [...rule.annotations].map(([key, { text }]) => [key, text] as const);
  return {
    state: health === undefined ? 'unknown' : state,
    ...{ name, query, duration: rule.forMs / 1000, keepFiringFor: rule.keepFiringForMs / 1000 },
    ...{ labels, annotations: Object.fromEntries(annotations) },
    alerts: alerts?.map(toPrometheusAlert) ?? null,
    ...evaluated,
    type: 'alerting',
  };
}

function evaluatedJson(health: RuleHealth | undefined): object {
  return {
    health: health?.health ?? 'unknown',
    ...(health?.error === undefined ? {} : { lastError: health.error }),
    evaluationTime: (health?.durationMs ?? 0) / 1000,
    lastEvaluation: timeText(health?.lastMs),
  };
}

/** Go's zero time where it never was. */
function timeText(ms: number | undefined): string {
  return ms === undefined ? '0001-01-01T00:00:00Z' : new Date(ms).toISOString();
}
