import type { Labels } from './labels.ts';

/** One row of a rule's answer, its labels and annotations already expanded. */
export interface AlertElement {
  /** With `alertname` and the rule's labels, without `__name__`. */
  labels: Labels;
  annotations: Labels;
  value: number;
  /** Where it comes from, of an alert that another server posted. */
  generatorUrl?: string;
}

/** What asking one rule's expression once came to. */
export type Evaluation =
  | {
      kind: 'answer';
      /** The slot's time, milliseconds since the epoch. */
      atMs: number;
      elements: readonly AlertElement[];
      /** Storage said that something is missing: what is there may fire, what is not there is not gone. */
      partial?: boolean;
      /** Keys of alerts whose source sends nothing at all, so that their absence says nothing. */
      silent?: ReadonlySet<string>;
    }
  | { kind: 'error'; atMs: number; message: string };

/** The part of a rule that decides about states. */
export interface AlertTerms {
  /** How long the condition holds before it fires, milliseconds. */
  forMs: number;
  keepFiringForMs: number;
  /** Most pending and firing alerts of the rule; 0 is no limit. */
  limit: number;
  /** Successful evaluations in a row without the alert that resolve it; 1 is Prometheus's behaviour. */
  resolveAfter: number;
  /** What the absence of a silent source means. */
  onNoData: 'resolve' | 'keep';
}
