import type { RuleEntry } from '../../alert-desk/index.ts';
import type { AlertingRule, Problem, ScopeMatcher } from '../../rules/index.ts';
import { maskedChannel } from '../channel-text.ts';
import { isoTime } from '../parse.ts';

/** A rule in the shape of PRP §8.5, with what it implies. `isWhole` shows channel URLs in full. */
export function toRuleJson(entry: RuleEntry, isWhole: boolean) {
  const { id, source, name, rule, enabled, group, stored, problems } = entry;
  return {
    ...{ id, name, ...writtenOf(entry) },
    channels: rule?.channels.map((channel) => (isWhole ? channel : maskedChannel(channel))) ?? [],
    enabled,
    ...{ source, file: group?.file ?? null, group: group?.name ?? null },
    ...(rule ? termsOf(rule) : {}),
    ...stateOf(entry),
    problems,
    ...(stored
      ? {
          ...{ version: stored.version, created_by: stored.createdBy },
          ...{ created_at: isoTime(stored.createdAtMs), updated_by: stored.updatedBy },
          updated_at: isoTime(stored.updatedAtMs),
        }
      : {}),
  };
}

/** Of a rule in PromQL the expression is PromQL, and its scope is in it. */
function writtenOf({ rule, stored }: RuleEntry) {
  if (rule) {
    const { written, expression, forMs } = rule;
    return {
      expression: written?.expression ?? expression,
      duration: durationText(forMs),
      scope: scopeJson(written?.scope ?? []),
    };
  }
  // It was taken once and is no longer: shown as it was posted.
  const posted = { expression: null, duration: null, scope: null, ...stored?.spec };
  return { expression: posted.expression, duration: posted.duration, scope: posted.scope };
}

function termsOf(rule: AlertingRule) {
  const texts = (templates: AlertingRule['labels']) =>
    Object.fromEntries([...templates].map(([name, { text }]) => [name, text]));
  return {
    promql: rule.expression,
    severity: rule.labels.get('severity')?.text ?? null,
    labels: texts(rule.labels),
    annotations: texts(rule.annotations),
    keep_firing_for: durationText(rule.keepFiringForMs),
    resolve_after: rule.resolveAfter,
    cooldown: durationText(rule.cooldownMs),
    on_no_data: rule.onNoData,
  };
}

function stateOf({ enabled, health, alerts }: RuleEntry) {
  const { firing, pending } = alerts;
  const active = firing > 0 ? 'firing' : pending > 0 ? 'pending' : 'inactive';
  const seen = health === undefined ? 'unknown' : active;
  return {
    state: enabled ? seen : 'disabled',
    alerts: { pending, firing },
    health: health?.health ?? 'unknown',
    last_error: health?.error ?? null,
    last_evaluation: health === undefined ? null : isoTime(health.lastMs),
    evaluation_ms: health?.durationMs ?? null,
  };
}

/** `{ tags: { role: 'web', zone: '!=lab' }, host_id: 'h-1' }`, as it may be posted. */
function scopeJson(scope: readonly ScopeMatcher[]) {
  const text = ({ op, value }: ScopeMatcher) => (op === '=' ? value : op + value);
  const host = scope.find(({ label, op }) => label === 'host_id' && op === '=');
  const tags = scope.filter((matcher) => matcher !== host);
  return {
    tags: Object.fromEntries(tags.map((matcher) => [matcher.label, text(matcher)])),
    ...(host ? { host_id: host.value } : {}),
  };
}

const units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
  [1, 'ms'],
] as const;

/** `10m`, `1h30m`; zero is `0s`. */
export function durationText(ms: number): string {
  let rest = ms;
  const text = units
    .map(([size, unit]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count === 0 ? '' : `${String(count)}${unit}`;
    })
    .join('');
  return text === '' ? '0s' : text;
}

export function toProblemJson({ file, position, message, excerpt }: Problem) {
  const name = file.replace(/^.*[\\/]/, '');
  return { file: name, line: position.line, column: position.column, message, excerpt };
}
