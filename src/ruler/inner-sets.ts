import type { AlertElement } from '../alerts/index.ts';
import { prometheusTerms, type AlertingRule } from '../rules/index.ts';
import type { InnerSource, RuleSet } from './rule-set.ts';
import { phaseMs } from './schedule.ts';

/** What rulers ask the database instead of storage. */
export interface InnerSources {
  /** Tenants to which alerts were posted. */
  receivers(): Promise<readonly string[]>;
  /** Posted alerts that have begun and not ended. */
  received: InnerSource;
  /** Tenants that have groups of rules. */
  watched(): Promise<readonly string[]>;
  /** Groups of a tenant: all, and those in which a rule has failed for at least so many slots in a row. */
  failingGroups(
    tenantId: string,
    slots: number,
  ): Promise<{ all: number; failing: readonly { groupKey: string; error: string }[] }>;
  /** Messages that were given up within the last hour, by channel. */
  deadMessages(tenantId: string): Promise<readonly { channel: string; count: number }[]>;
}

const receivedIntervalMs = 5_000;
const selfIntervalMs = 15_000;
/** Slots in a row with an error before people hear of it. */
const patience = 3;
/** Groups that are named one by one. */
const mostNamed = 20;

export const receivedGroup = 'received;alertmanager';
export const selfGroup = 'gaugeway;self';

/**
 * Groups that no file has: alerts that others post here, and what rulers say of themselves. Gives the same list where
 * nothing changed.
 */
export function watchInner(sources: InnerSources): () => Promise<readonly RuleSet[]> {
  let sets: readonly RuleSet[] = [];
  const idsOf = (list: readonly RuleSet[]) =>
    JSON.stringify(list.map(({ tenantId, key }) => [tenantId, key]));
  return async () => {
    const next = await innerSets(sources);
    if (idsOf(next) !== idsOf(sets)) sets = next;
    return sets;
  };
}

async function innerSets(sources: InnerSources): Promise<RuleSet[]> {
  const [receivers, watched] = await Promise.all([sources.receivers(), sources.watched()]);
  return [
    ...receivers.map((tenantId) =>
      innerSet(tenantId, receivedGroup, receivedIntervalMs, sources.received),
    ),
    ...watched.map((tenantId) =>
      innerSet(tenantId, selfGroup, selfIntervalMs, (id) => ownTroubles(id, sources)),
    ),
  ];
}

function innerSet(tenantId: string, key: string, intervalMs: number, inner: InnerSource): RuleSet {
  const [file = '', name = ''] = key.split(';');
  const rhythm = { intervalMs, phaseMs: phaseMs(tenantId, key, intervalMs) };
  const rules = [{ key: name, rule: innerRule(name) }];
  return { tenantId, key, file, name, rhythm, queryOffsetMs: 0, isIndependent: true, rules, inner };
}

const innerRule = (name: string): AlertingRule => ({
  ...prometheusTerms,
  ...{ kind: 'alert', id: name, name, expression: '', limit: 0, forMs: 0, keepFiringForMs: 0 },
  ...{ labels: new Map(), annotations: new Map() },
});

async function ownTroubles(tenantId: string, sources: InnerSources): Promise<AlertElement[]> {
  const dead = await sources.deadMessages(tenantId);
  const silent = dead.map(({ channel, count }) =>
    trouble(
      ['NotificationsFailing', 'critical'],
      {
        summary: `${count} messages to ${channel} were given up within the hour`,
        description:
          'They are listed at /api/v1/deliveries?status=dead and can be sent again there.',
      },
      { channel },
    ),
  );
  return [...(await failingRules(tenantId, sources)), ...silent];
}

/** Storage that answers nobody is one alert, not one for each group. */
async function failingRules(tenantId: string, sources: InnerSources): Promise<AlertElement[]> {
  const { all, failing } = await sources.failingGroups(tenantId, patience);
  const [first] = failing;
  if (first === undefined) return [];
  if (failing.length === all) {
    return [
      trouble(['StorageUnreachable', 'critical'], {
        summary: `No rule can be evaluated: ${first.error}`,
        description: `All ${all} groups of rules have failed ${patience} times in a row. Alerts stay as they are until storage answers.`,
      }),
    ];
  }
  return failing
    .slice(0, mostNamed)
    .map(({ groupKey, error }) =>
      trouble(
        ['RuleEvaluationFailing', 'warning'],
        { summary: `Rules of ${groupKey} fail: ${error}` },
        { rule_group: groupKey },
      ),
    );
}

const runbooks = {
  NotificationsFailing: 'docs/runbooks/notifications-failing.md',
  RuleEvaluationFailing: 'docs/runbooks/rule-evaluation-failing.md',
  StorageUnreachable: 'docs/runbooks/storage-unreachable.md',
} as const;

function trouble(
  [alertname, severity]: readonly [keyof typeof runbooks, string],
  annotations: Record<string, string>,
  labels: Record<string, string> = {},
): AlertElement {
  return {
    labels: new Map(Object.entries({ alertname, severity, ...labels })),
    annotations: new Map(Object.entries({ ...annotations, runbook: runbooks[alertname] })),
    value: 1,
  };
}
