import type { AlertChoice, ManagedAlert, SilenceState } from '../../alert-desk/index.ts';
import {
  compileMatchers,
  parseMatchers,
  requireMatcher,
  type Silence,
  type SilenceMatcher,
} from '../../alerts/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { maskedChannel } from '../channel-text.ts';
import { isoTime } from '../parse.ts';

const mostFilters = 50;

/** Every `filter` of a request. Throws BAD_REQUEST. */
export function matchersOf(args: URLSearchParams): SilenceMatcher[] {
  const texts = args.getAll('filter');
  if (texts.length > mostFilters) throw new GaugewayError('BAD_REQUEST', 'too many filters');
  return texts.flatMap(parseMatchers);
}

function flag(args: URLSearchParams, name: string): boolean {
  const text = args.get(name) ?? 'true';
  if (text !== 'true' && text !== 'false') {
    throw new GaugewayError('BAD_REQUEST', `${name} in query must be of type boolean`);
  }
  return text === 'true';
}

/** Clients older than `muted` say `silenced=false` and mean whatever is held back. */
export function alertChoiceOf(args: URLSearchParams): AlertChoice {
  const silenced = flag(args, 'silenced');
  for (const known of ['inhibited', 'unprocessed']) flag(args, known);
  const pattern = args.get('receiver') ?? '';
  return {
    matchers: matchersOf(args),
    ...{ active: flag(args, 'active'), silenced, muted: silenced && flag(args, 'muted') },
    receiver: pattern === '' ? undefined : receiverTest(pattern),
  };
}

function receiverTest(pattern: string): (name: string) => boolean {
  const matcher = { name: 'receiver', value: pattern, isRegex: true, isEqual: true };
  requireMatcher(matcher);
  const matches = compileMatchers([matcher]);
  return (name) => matches(new Map([['receiver', maskedChannel(name)]]));
}

export function toAlertJson(alert: ManagedAlert) {
  const { silencedBy, mutedBy } = alert;
  const isSuppressed = silencedBy.length > 0 || mutedBy.length > 0;
  return {
    ...{ annotations: alert.annotations, endsAt: isoTime(alert.endsAtMs) },
    fingerprint: alert.fingerprint,
    receivers: alert.receivers.map((name) => ({ name: maskedChannel(name) })),
    startsAt: isoTime(alert.startsAtMs),
    status: {
      ...{ inhibitedBy: [], silencedBy, mutedBy },
      state: isSuppressed ? 'suppressed' : 'active',
    },
    updatedAt: isoTime(alert.updatedAtMs),
    generatorURL: alert.generatorUrl,
    labels: alert.labels,
  };
}

/** By receiver and name of the alert. */
export function groupsOf(alerts: readonly ManagedAlert[]) {
  const groups = new Map<
    string,
    { labels: object; receiver: { name: string }; alerts: object[] }
  >();
  for (const alert of alerts) {
    const json = toAlertJson(alert);
    const alertname = alert.labels['alertname'] ?? '';
    for (const receiver of json.receivers) {
      const key = JSON.stringify([receiver.name, alertname]);
      const labels = alertname === '' ? {} : { alertname };
      const group = groups.get(key) ?? { alerts: [], labels, receiver };
      group.alerts.push(json);
      groups.set(key, group);
    }
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

export function toSilenceJson(silence: Silence, state: SilenceState) {
  return {
    ...{ id: silence.id, status: { state }, updatedAt: isoTime(silence.updatedAtMs) },
    ...{ comment: silence.comment, createdBy: silence.createdBy },
    ...{ endsAt: isoTime(silence.endsAtMs), matchers: silence.matchers },
    startsAt: isoTime(silence.startsAtMs),
  };
}
