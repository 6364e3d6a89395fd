import { readLabels, WireError, writeLabels, Writer, type Label } from '../../wire/index.ts';
import type { Reason } from './reason.ts';

export interface LabelLimits {
  /** Labels of a series as posted, the metric name among them. */
  maxLabels: number;
  maxNameBytes: number;
  maxValueBytes: number;
}

export interface JudgeRules extends LabelLimits {
  /** Labels that only the gateway sets; a client's are removed. */
  reserved: ReadonlySet<string>;
  allows: (metric: string) => boolean;
  /** Whether the tenant may have a series of this name, as far as its number of names goes; everyone where absent. */
  admitsName?: (metric: string) => boolean;
  /** `observe` stores what the whitelist refuses, and says so. */
  observe: boolean;
  /** The host that the credential speaks for; its series carry this `host_id` and no other. */
  hostId?: string;
}

/**
 * How a series is written: `pass` as it came, `strip` without its reserved labels, `rewrite` with these labels
 * instead (sorted, empty ones gone, host added), `observed` as it came though the whitelist would refuse it.
 */
export type Judgement =
  | { kind: 'pass' | 'strip' | 'observed' }
  | { kind: 'rewrite'; labels: Label[]; observed: boolean }
  | { kind: 'refused'; reason: Reason };

const refused = (reason: Reason): Judgement => ({ kind: 'refused', reason });

const byName = (a: Label, b: Label) => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0]));

function isSorted(labels: readonly Label[]): boolean {
  return labels.every((label, i) => i === 0 || byName(labels[i - 1] ?? label, label) < 0);
}

function faultOf(label: Label, limits: LabelLimits): Reason | undefined {
  const [name, value] = label;
  // VictoriaMetrics takes a label without a name for the metric name: a way round the whitelist.
  if (name === '' || name.includes('\0')) return 'invalid_label';
  if (Buffer.byteLength(name) > limits.maxNameBytes) return 'label_name_too_long';
  if (Buffer.byteLength(value) > limits.maxValueBytes) return 'label_value_too_long';
  return undefined;
}

function setFault(labels: readonly Label[], rules: JudgeRules): Reason | undefined {
  if (labels.length > rules.maxLabels) return 'too_many_labels';
  const names = new Set<string>();
  for (const label of labels) {
    const fault = faultOf(label, rules);
    if (fault) return fault;
    if (names.has(label[0])) return 'duplicate_label';
    names.add(label[0]);
  }
  return undefined;
}

function withHost(labels: readonly Label[], hostId: string | undefined): Label[] | 'foreign' {
  if (hostId === undefined) return [...labels];
  const own = labels.find(([name]) => name === 'host_id');
  if (own) return own[1] === hostId ? [...labels] : 'foreign';
  return [...labels, ['host_id', hostId] as const];
}

function toJudgement(
  labels: readonly Label[],
  hosted: Label[],
  allowed: boolean,
  rules: JudgeRules,
): Judgement {
  const filled = hosted.filter(([, value]) => value !== '');
  const kept = filled.filter(([name]) => !rules.reserved.has(name));
  if (filled.length !== labels.length || !isSorted(filled)) {
    return { kind: 'rewrite', labels: kept.sort(byName), observed: !allowed };
  }
  if (kept.length === filled.length) return { kind: allowed ? 'pass' : 'observed' };
  return allowed ? { kind: 'strip' } : { kind: 'rewrite', labels: kept, observed: true };
}

/** Judges the labels of a series seen for the first time (remote-write specification, and the house's limits). */
export function judgeLabels(labels: readonly Label[], rules: JudgeRules): Judgement {
  const fault = setFault(labels, rules);
  if (fault) return refused(fault);
  const metric = labels.find(([name]) => name === '__name__')?.[1];
  if (!metric || metric.includes('\0')) return refused('missing_name');
  const allowed = rules.allows(metric);
  if (!allowed && !rules.observe) return refused('not_whitelisted');
  const hosted = withHost(labels, rules.hostId);
  if (hosted === 'foreign') return refused('foreign_host');
  // Last: a name counts once a series of it is taken.
  if (rules.admitsName?.(metric) === false) return refused('metric_names_budget');
  return toJudgement(labels, hosted, allowed, rules);
}

/** The kernel strips labels in the one spelling that encoders use: name first, shortest lengths. */
function isCanonical(bytes: Buffer, labels: readonly Label[]): boolean {
  const writer = new Writer(bytes.length + 64);
  writeLabels(writer, labels);
  return writer.view().equals(bytes);
}

/** The same from the bytes of the series' Label fields. */
export function judgeLabelBytes(bytes: Buffer, rules: JudgeRules): Judgement {
  try {
    const labels = readLabels(bytes);
    const judgement = judgeLabels(labels, rules);
    if (judgement.kind !== 'strip' || isCanonical(bytes, labels)) return judgement;
    const kept = labels.filter(([name]) => !rules.reserved.has(name));
    return { kind: 'rewrite', labels: kept, observed: false };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return refused(error.message.includes('UTF-8') ? 'invalid_utf8' : 'invalid_label');
  }
}
