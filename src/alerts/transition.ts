import type { AlertElement, AlertTerms, Evaluation } from './evaluation.ts';
import { labelKey, type Labels } from './labels.ts';

export type AlertState = 'pending' | 'firing' | 'resolved';

/** One alert of one rule. Times are evaluation times, milliseconds since the epoch. */
export interface AlertInstance {
  readonly key: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly value: number;
  readonly state: AlertState;
  readonly activeAtMs: number;
  readonly firedAtMs?: number | undefined;
  readonly resolvedAtMs?: number;
  /** First evaluation of the current absence, where `keep_firing_for` holds the alert. */
  readonly keepFiringSinceMs?: number | undefined;
  /** Successful evaluations in a row without it, the last of them at `evaluatedAtMs`. */
  readonly absences: number;
  readonly evaluatedAtMs: number;
  readonly generatorUrl?: string;
}

export type Instances = ReadonlyMap<string, AlertInstance>;

/** Why a state changed. Public: shown in timelines and in `explain`. */
export type ChangeReason =
  'condition-met' | 'held-long-enough' | 'hold-raised' | 'condition-gone' | 'over-limit';

/** Why an absent alert stayed as it was. */
export type KeepReason = 'keep-firing-for' | 'resolve-after' | 'no-data' | 'partial-answer';

export interface Change {
  key: string;
  from: AlertState | 'none';
  /** `none`: forgotten, nobody is told. */
  to: AlertState | 'none';
  reason: ChangeReason;
  atMs: number;
}

export type FailureReason = 'evaluation-error' | 'duplicate-labels' | 'over-limit';

export interface Transition {
  instances: Instances;
  changes: readonly Change[];
  kept: readonly { key: string; reason: KeepReason }[];
  /** The rule's health; with a failure nothing is written and nothing is sent. */
  failure?: { reason: FailureReason; message: string };
}

/** Prometheus keeps and re-sends a resolved alert this long (rules/alerting.go). */
export const resolvedRetentionMs = 15 * 60_000;

/**
 * One evaluation of one rule: Prometheus's rules/alerting.go, with `resolveAfter` 1 to the letter. Pure; an evaluation
 * that failed changes nothing, and the same evaluation again changes nothing either.
 */
export function transition(
  previous: Instances,
  evaluation: Evaluation,
  terms: AlertTerms,
): Transition {
  if (evaluation.kind === 'error') {
    return frozen(previous, 'evaluation-error', evaluation.message);
  }
  const present = byKey(evaluation.elements);
  if (present === undefined) {
    return frozen(
      previous,
      'duplicate-labels',
      'vector contains metrics with the same labelset after applying alert labels',
    );
  }
  const step = new Step(evaluation, terms);
  for (const [key, element] of present) step.meet(key, element, previous.get(key));
  for (const instance of previous.values()) {
    if (!present.has(instance.key)) step.miss(instance);
  }
  return step.result(previous);
}

function frozen(instances: Instances, reason: FailureReason, message: string): Transition {
  return { instances, changes: [], kept: [], failure: { reason, message } };
}

/** Undefined where two elements are the same alert. */
function byKey(elements: readonly AlertElement[]): Map<string, AlertElement> | undefined {
  const found = new Map<string, AlertElement>();
  for (const element of elements) found.set(labelKey(element.labels), element);
  return found.size === elements.length ? found : undefined;
}

class Step {
  private readonly evaluation: Extract<Evaluation, { kind: 'answer' }>;
  private readonly terms: AlertTerms;
  private readonly instances = new Map<string, AlertInstance>();
  private readonly changes: Change[] = [];
  private readonly kept: { key: string; reason: KeepReason }[] = [];
  private counted = 0;

  constructor(evaluation: Extract<Evaluation, { kind: 'answer' }>, terms: AlertTerms) {
    this.evaluation = evaluation;
    this.terms = terms;
  }

  private get atMs(): number {
    return this.evaluation.atMs;
  }

  meet(key: string, element: AlertElement, before: AlertInstance | undefined): void {
    const { annotations, value, labels, generatorUrl } = element;
    const seen = {
      ...{ annotations, value, absences: 0, evaluatedAtMs: this.atMs },
      ...(generatorUrl === undefined ? {} : { generatorUrl }),
    };
    if (before !== undefined && before.state !== 'resolved') {
      this.advance({ ...before, ...seen, keepFiringSinceMs: undefined });
      return;
    }
    this.change(key, before?.state ?? 'none', 'pending', 'condition-met');
    this.advance({ key, labels, ...seen, state: 'pending', activeAtMs: this.atMs });
  }

  miss(before: AlertInstance): void {
    const instance = before.state === 'resolved' ? before : this.absent(before);
    const keep = this.reasonToKeep(instance);
    if (keep !== undefined) {
      this.kept.push({ key: instance.key, reason: keep });
      this.hold(before, instance, keep);
    } else if (instance.state === 'pending') {
      this.change(instance.key, 'pending', 'none', 'condition-gone');
    } else if (instance.state === 'firing') {
      this.change(instance.key, 'firing', 'resolved', 'condition-gone');
      const ended = { resolvedAtMs: this.atMs, keepFiringSinceMs: undefined };
      this.instances.set(instance.key, { ...instance, state: 'resolved', ...ended });
    } else if (this.atMs - (instance.resolvedAtMs ?? 0) <= resolvedRetentionMs) {
      this.instances.set(instance.key, instance);
    }
  }

  private absent(instance: AlertInstance): AlertInstance {
    if (instance.evaluatedAtMs === this.atMs) return instance;
    return { ...instance, absences: instance.absences + 1, evaluatedAtMs: this.atMs };
  }

  /** An absence that nobody saw does not count, neither as one of several nor for `keep_firing_for`. */
  private hold(before: AlertInstance, absent: AlertInstance, reason: KeepReason): void {
    if (reason === 'partial-answer' || reason === 'no-data') {
      this.counted++;
      this.instances.set(before.key, before);
      return;
    }
    if (this.terms.keepFiringForMs === 0) this.advance(absent);
    else this.advance({ ...absent, keepFiringSinceMs: absent.keepFiringSinceMs ?? this.atMs });
  }

  private reasonToKeep(instance: AlertInstance): KeepReason | undefined {
    if (instance.state === 'resolved') return undefined;
    if (this.evaluation.partial === true) return 'partial-answer';
    if (instance.state === 'pending') return undefined;
    const { keepFiringForMs, onNoData, resolveAfter } = this.terms;
    if (onNoData === 'keep' && this.evaluation.silent?.has(instance.key)) return 'no-data';
    const sinceMs = instance.keepFiringSinceMs ?? this.atMs;
    if (keepFiringForMs > 0 && this.atMs - sinceMs < keepFiringForMs) return 'keep-firing-for';
    return instance.absences < resolveAfter ? 'resolve-after' : undefined;
  }

  /** Of an alert that is there: from pending to firing, or back where the rule's `for` was raised. */
  private advance(instance: AlertInstance): void {
    this.counted++;
    const { key, state, activeAtMs } = instance;
    const heldLongEnough = this.atMs - activeAtMs >= this.terms.forMs;
    let next = instance;
    if (state === 'pending' && heldLongEnough) {
      next = { ...instance, state: 'firing', firedAtMs: this.atMs };
      this.change(key, 'pending', 'firing', 'held-long-enough');
    } else if (state === 'firing' && !heldLongEnough) {
      next = { ...instance, state: 'pending', firedAtMs: undefined };
      this.change(key, 'firing', 'pending', 'hold-raised');
    }
    this.instances.set(key, next);
  }

  private change(key: string, from: Change['from'], to: Change['to'], reason: ChangeReason): void {
    this.changes.push({ key, from, to, reason, atMs: this.atMs });
  }

  result(previous: Instances): Transition {
    const { limit } = this.terms;
    if (limit === 0 || this.counted <= limit) {
      return { instances: this.instances, changes: this.changes, kept: this.kept };
    }
    const lost = [...previous.values()].map(({ key, state }): Change => ({
      key,
      from: state,
      to: 'none',
      reason: 'over-limit',
      atMs: this.atMs,
    }));
    const message = `exceeded limit of ${limit} with ${this.counted} alerts`;
    return {
      instances: new Map(),
      changes: lost,
      kept: [],
      failure: { reason: 'over-limit', message },
    };
  }
}

export interface Gap {
  lastEvaluationMs: number;
  nowMs: number;
  intervalMs: number;
  /** A longer silence of the ruler than this does not count as held. */
  toleranceMs: number;
}

/** After an outage of the ruler: pending alerts held only as long as somebody looked; firing ones stay firing. */
export function bridgeGap(instances: Instances, gap: Gap): Instances {
  const downMs = gap.nowMs - gap.lastEvaluationMs;
  if (downMs <= Math.max(3 * gap.intervalMs, gap.toleranceMs)) return instances;
  return new Map(
    [...instances].map(([key, instance]) => [
      key,
      instance.state === 'pending'
        ? { ...instance, activeAtMs: instance.activeAtMs + downMs }
        : instance,
    ]),
  );
}
