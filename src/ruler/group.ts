import {
  bridgeGap,
  compileSilences,
  fingerprint,
  resolvedRetentionMs,
  type AlertInstance,
  type Labels,
  type SilenceTest,
} from '../alerts/index.ts';
import { evaluateGroup, type EvaluateDeps, type GroupState, type RuleOutcome } from './evaluate.ts';
import { evaluationRecord } from './explain.ts';
import { newsOf, type Incidents, type News } from './news.ts';
import { alertSeries } from './output.ts';
import type {
  GroupLease,
  Incident,
  RuleHealth,
  SlotCommit,
  StoredGroup,
  StoredInstance,
  Touched,
} from './ports.ts';
import type { RuleSet } from './rule-set.ts';
import { missedSlots } from './schedule.ts';

/** A group's memory between slots; replaced as a whole when a slot was committed. */
export interface GroupMemory {
  lastSlotMs: number | undefined;
  rules: GroupState;
  incidents: ReadonlyMap<string, Incidents>;
}

export interface SlotDeps extends EvaluateDeps {
  repeatMs: number;
  /** How long nobody may have looked before time no longer counts as held, milliseconds. */
  outageToleranceMs: number;
  channelsOf: (names: readonly string[]) => readonly string[];
  newId: () => string;
}

export interface SlotResult {
  memory: GroupMemory;
  commit: SlotCommit;
  outcomes: readonly RuleOutcome[];
}

/** Values and annotations alone are worth a row only while a rule has few alerts: of many the states matter. */
const fewInstances = 200;

export function recall(lease: GroupLease, stored: StoredGroup): GroupMemory {
  const byRule = new Map<string, Map<string, AlertInstance>>();
  for (const { ruleKey, instance } of stored.instances) {
    const instances = byRule.get(ruleKey) ?? new Map<string, AlertInstance>();
    byRule.set(ruleKey, instances.set(instance.key, instance));
  }
  const incidents = new Map<string, Map<string, Incident>>();
  for (const incident of stored.incidents) {
    const ofRule = incidents.get(incident.ruleKey) ?? new Map<string, Incident>();
    incidents.set(incident.ruleKey, ofRule.set(incident.key, incident));
  }
  const rules = new Map(
    [...byRule].map(([key, instances]) => {
      const series = [...alertSeries(instances)];
      const written = new Map(series.map(([text, { labels }]) => [text, labels] as const));
      return [key, { instances, written }] as const;
    }),
  );
  return { lastSlotMs: lease.lastSlotMs, rules, incidents };
}

/** Evaluates a group at a slot over what is remembered; changes nothing by itself. */
export async function runSlot(
  set: RuleSet,
  memory: GroupMemory,
  slotMs: number,
  context: { touched: Touched; deps: SlotDeps },
): Promise<SlotResult> {
  const { touched, deps } = context;
  const startedMs = deps.monotonicMs();
  const state = bridged(memory, set, slotMs, deps.outageToleranceMs);
  const outcomes = [
    ...(await evaluateGroup(set, state, slotMs, deps)),
    ...goneRules(set, state, slotMs),
  ];
  const silencedBy = compileSilences(touched.silences);
  const incidents = withTouched(memory.incidents, touched);
  const news = outcomes.map((outcome) => tidings(outcome, incidents, { slotMs, silencedBy, deps }));
  const rules = new Map(
    outcomes.filter(({ after }) => hasMemory(after)).map(({ key, after }) => [key, after]),
  );
  const next = new Map(outcomes.map(({ key }, i) => [key, news[i]!.incidents]));
  return {
    memory: { lastSlotMs: slotMs, rules, incidents: keepOthers(incidents, next) },
    outcomes,
    commit: {
      slotMs,
      nextSlotMs: slotMs + set.rhythm.intervalMs,
      missed: missedSlots(memory.lastSlotMs, slotMs, set.rhythm),
      durationMs: deps.monotonicMs() - startedMs,
      health: Object.fromEntries(
        outcomes.map((outcome) => [outcome.key, healthOf(outcome, slotMs)]),
      ),
      instances: instanceChanges(outcomes),
      incidents: news.flatMap(({ changed }) => changed),
      events: news.flatMap(({ events }) => events),
      deliveries: news.flatMap(({ deliveries }) => deliveries),
      evaluations: outcomes.map(evaluationRecord),
    },
  };
}

const hasMemory = ({ instances, written }: RuleOutcome['after']) =>
  instances.size > 0 || written.size > 0;

function keepOthers(
  before: ReadonlyMap<string, Incidents>,
  after: ReadonlyMap<string, Incidents>,
): Map<string, Incidents> {
  return new Map([...before, ...after].filter(([, incidents]) => incidents.size > 0));
}

function bridged(
  memory: GroupMemory,
  set: RuleSet,
  nowMs: number,
  toleranceMs: number,
): GroupState {
  const { lastSlotMs, rules } = memory;
  if (lastSlotMs === undefined) return rules;
  const gap = { lastEvaluationMs: lastSlotMs, nowMs, toleranceMs, ...set.rhythm };
  return new Map(
    [...rules].map(([key, state]) => {
      const instances = bridgeGap(state.instances, gap);
      return [key, instances === state.instances ? state : { ...state, instances }];
    }),
  );
}

/** Rules that are no longer in the group end: what fired is resolved, what was pending is forgotten. */
function goneRules(set: RuleSet, state: GroupState, slotMs: number): RuleOutcome[] {
  const there = new Set(set.rules.map(({ key }) => key));
  return [...state]
    .filter(([key]) => !there.has(key))
    .map(([key, before]): RuleOutcome => {
      const instances = new Map<string, AlertInstance>();
      for (const instance of before.instances.values()) {
        if (instance.state === 'firing') {
          instances.set(instance.key, { ...instance, state: 'resolved', resolvedAtMs: slotMs });
        } else if (slotMs - (instance.resolvedAtMs ?? 0) <= resolvedRetentionMs) {
          if (instance.state === 'resolved') instances.set(instance.key, instance);
        }
      }
      const after = { instances, written: new Map() };
      return { key, rule: undefined, before, after, rows: 0, isPartial: false, durationMs: 0 };
    });
}

interface TidingsContext {
  slotMs: number;
  silencedBy: SilenceTest;
  deps: SlotDeps;
}

/** An evaluation that failed says nothing: nobody is told, not even again. */
function tidings(
  { key, rule, after, error }: RuleOutcome,
  incidents: ReadonlyMap<string, Incidents>,
  { slotMs, silencedBy, deps }: TidingsContext,
): News {
  const before = incidents.get(key) ?? new Map<string, Incident>();
  if (error !== undefined || rule?.kind === 'record') {
    return { incidents: before, changed: [], events: [], deliveries: [] };
  }
  const { repeatMs, channelsOf, newId } = deps;
  return newsOf({ ruleKey: key, rule, instances: after.instances }, before, {
    ...{ atMs: slotMs, repeatMs, channelsOf, newId },
    silencedBy: (labels) => silencedBy(labels, slotMs),
  });
}

function withTouched(
  incidents: ReadonlyMap<string, Incidents>,
  { incidents: rows }: Touched,
): ReadonlyMap<string, Incidents> {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return new Map(
    [...incidents].map(([rule, ofRule]) => [
      rule,
      new Map(
        [...ofRule].map(
          ([key, incident]) => [key, touch(incident, byId.get(incident.id))] as const,
        ),
      ),
    ]),
  );
}

function touch(incident: Incident, row: Touched['incidents'][number] | undefined): Incident {
  const { episode } = incident;
  if (row === undefined) {
    if (episode.acknowledgement === undefined) return incident;
    return { ...incident, episode: { ...episode, acknowledgement: undefined } };
  }
  return {
    ...incident,
    episode: { ...episode, told: row.told, acknowledgement: row.acknowledgement },
  };
}

function healthOf({ rule, key, error, durationMs }: RuleOutcome, lastMs: number): RuleHealth {
  return {
    ...{ name: rule?.name ?? key, health: error === undefined ? 'ok' : 'err', lastMs, durationMs },
    ...(error === undefined ? {} : { error }),
  };
}

function instanceChanges(outcomes: readonly RuleOutcome[]): SlotCommit['instances'] {
  const put: StoredInstance[] = [];
  const drop: { ruleKey: string; fingerprint: string }[] = [];
  for (const { key: ruleKey, before, after } of outcomes) {
    if (before.instances === after.instances) continue;
    const isFew = after.instances.size <= fewInstances;
    for (const instance of after.instances.values()) {
      if (isSame(before.instances.get(instance.key), instance, isFew)) continue;
      put.push({ ruleKey, fingerprint: fingerprint(instance.labels), instance });
    }
    for (const { key, labels } of before.instances.values()) {
      if (!after.instances.has(key)) drop.push({ ruleKey, fingerprint: fingerprint(labels) });
    }
  }
  return { put, drop };
}

const shown = ['state', 'activeAtMs', 'firedAtMs', 'resolvedAtMs', 'keepFiringSinceMs'] as const;

function isSame(before: AlertInstance | undefined, now: AlertInstance, exact: boolean): boolean {
  if (before === undefined || before.absences !== now.absences) return false;
  if (shown.some((field) => before[field] !== now[field])) return false;
  if (!exact) return true;
  return Object.is(before.value, now.value) && sameTexts(before.annotations, now.annotations);
}

function sameTexts(a: Labels, b: Labels): boolean {
  if (a.size !== b.size) return false;
  for (const [name, text] of a) if (b.get(name) !== text) return false;
  return true;
}
