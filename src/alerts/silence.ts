import { RE2JS } from 're2js';
import type { Labels } from './labels.ts';

/** Of Alertmanager's v2 API; a label that an alert does not have counts as empty. Regular expressions are anchored. */
export interface SilenceMatcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual: boolean;
}

/** Nobody is told of an alert that matches all matchers from the start to the end. It always ends. */
export interface Silence {
  id: string;
  kind: 'silence' | 'maintenance';
  matchers: readonly SilenceMatcher[];
  /** Milliseconds since the epoch. */
  startsAtMs: number;
  /** First moment at which it no longer holds. */
  endsAtMs: number;
  createdBy: string;
  comment: string;
  updatedAtMs: number;
}

export type SilenceTest = (labels: Labels, atMs: number) => readonly string[];

/** A function that gives the ids of the silences that hold an alert back; throws for a bad regular expression. */
export function compileSilences(silences: readonly Silence[]): SilenceTest {
  const compiled = silences.map(({ id, startsAtMs, endsAtMs, matchers }) => ({
    id,
    isActive: (atMs: number) => atMs >= startsAtMs && atMs < endsAtMs,
    matches: compileMatchers(matchers),
  }));
  return (labels, atMs) =>
    compiled
      .filter(({ isActive, matches }) => isActive(atMs) && matches(labels))
      .map(({ id }) => id);
}

/** Whether a label set has all of them; throws for a bad regular expression. */
export function compileMatchers(matchers: readonly SilenceMatcher[]): (labels: Labels) => boolean {
  const tests = matchers.map(compileMatcher);
  return (labels) => tests.every((test) => test(labels));
}

function compileMatcher({ name, value, isRegex, isEqual }: SilenceMatcher) {
  if (!isRegex) return (labels: Labels) => ((labels.get(name) ?? '') === value) === isEqual;
  const pattern = RE2JS.compile(`^(?:${value})$`);
  return (labels: Labels) => pattern.matcher(labels.get(name) ?? '').find() === isEqual;
}
