import { z } from 'zod';
import type { Alertmanager, Incidents, Silences } from '../../alert-desk/index.ts';
import type { Clock } from '../../platform/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import { actorOf, bodyOf, found, paramOf, principalOf } from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { alertmanagerAnswer, textAnswer } from '../schemas/foreign.ts';
import {
  alertChoiceOf,
  groupsOf,
  matchersOf,
  toAlertJson,
  toSilenceJson,
} from './alertmanager-json.ts';
import { argumentsOf } from '../prometheus-arguments.ts';
import { compileMatchers } from '../../alerts/index.ts';
import { matcherSchema } from './silences.ts';

export interface AlertmanagerDeps {
  alertmanager: Alertmanager;
  silences: Silences;
  incidents: Incidents;
  clock: Clock;
  /** Of this product, as in package.json. */
  version: string;
  /** When this process began, milliseconds since the epoch. */
  startedMs: number;
  externalUrl: string;
}

/** amtool, karma and Grafana take features from it, so it is one of Alertmanager's. */
const alertmanagerVersion = '0.27.0';

/** The configuration that amtool wants to read; channels are not told, for their URLs are secrets. */
const configText = 'route:\n  receiver: default\nreceivers:\n- name: default\n';

const time = z.iso.datetime({ offset: true });
const texts = z.record(z.string().min(1).max(200), z.string().max(16_384));
const postedAlerts = z
  .array(
    z.object({
      labels: texts,
      annotations: texts.nullish(),
      startsAt: time.nullish(),
      endsAt: time.nullish(),
      generatorURL: z.string().max(4_096).nullish(),
    }),
  )
  .max(10_000);

const postedSilence = z.object({
  id: z.string().max(64).nullish(),
  matchers: z.array(matcherSchema).max(50),
  startsAt: time,
  endsAt: time,
  createdBy: z.string().max(320).default(''),
  comment: z.string().max(2_000).default(''),
});

/** Milliseconds of a time; undefined for Go's zero, which means that it was not given. */
function msOf(text: string | null | undefined): number | undefined {
  if (text == null || text.startsWith('0001-01-01T')) return undefined;
  const ms = Date.parse(text.replace(/(\.\d{3})\d+/, '$1'));
  if (Number.isNaN(ms)) throw new GaugewayError('BAD_REQUEST', `not a time: ${text}`);
  return ms;
}

interface Endpoint {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  needs: Route['needs'];
  summary: string;
  body?: z.ZodType;
  handle: (call: Call) => void | Promise<void>;
}

/** Where Alertmanager's clients look: Prometheus at the root or below a prefix, karma and Grafana likewise. */
const prefixes = ['', '/alertmanager'];
const tag = 'Alertmanager API';

/** Alertmanager's API v2 (its api/v2/openapi.yaml), as far as amtool, Prometheus, Grafana and karma call it. */
export function alertmanagerRoutes(deps: AlertmanagerDeps): Route[] {
  const endpoints = [...statusEndpoints(deps), ...alertEndpoints(deps), ...silenceEndpoints(deps)];
  return [
    ...prefixes.flatMap((prefix) =>
      endpoints.map(({ body, ...endpoint }): Route => ({
        ...endpoint,
        path: `${prefix}/api/v2${endpoint.path}`,
        errors: 'alertmanager',
        spec: { tag, ...(body ? { body } : {}), answers: { 200: alertmanagerAnswer } },
        summary: `Alertmanager: ${endpoint.summary}`,
      })),
    ),
    {
      ...{ method: 'GET', path: '/alertmanager/metrics', needs: 'read', errors: 'alertmanager' },
      summary: 'Alertmanager: its version, for karma',
      spec: { tag, answers: { 200: textAnswer('text/plain', 'Exposition format.') } },
      handle({ res }) {
        res.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
        res.end(
          '# HELP alertmanager_build_info Which Alertmanager this answers like.\n' +
            '# TYPE alertmanager_build_info gauge\n' +
            `alertmanager_build_info{version="${alertmanagerVersion}"} 1\n`,
        );
      },
    },
  ];
}

function statusEndpoints({ alertmanager, version, startedMs }: AlertmanagerDeps): Endpoint[] {
  return [
    {
      ...{ method: 'GET', path: '/status', needs: 'read', summary: 'version and state' },
      handle({ res }) {
        res.json({
          cluster: { name: 'gaugeway', status: 'ready', peers: [] },
          versionInfo: {
            ...{ version: alertmanagerVersion, revision: version, branch: 'HEAD' },
            ...{ buildUser: 'gaugeway', buildDate: '', goVersion: '' },
          },
          config: { original: configText },
          uptime: new Date(startedMs).toISOString(),
        });
      },
    },
    {
      ...{ method: 'GET', path: '/receivers', needs: 'read', summary: 'channels in use' },
      async handle(call) {
        const choice = alertChoiceOf(new URLSearchParams());
        const alerts = await alertmanager.alerts(principalOf(call).tenantId, choice);
        const names = alerts.flatMap((alert) => toAlertJson(alert).receivers);
        const unique = new Set(['default', ...names.map(({ name }) => name)]);
        call.res.json([...unique].sort().map((name) => ({ name })));
      },
    },
  ];
}

function alertEndpoints({ alertmanager }: AlertmanagerDeps): Endpoint[] {
  const chosen = async (call: Call) => {
    const choice = alertChoiceOf(await argumentsOf(call.req));
    return alertmanager.alerts(principalOf(call).tenantId, choice);
  };
  return [
    {
      ...{ method: 'GET', path: '/alerts', needs: 'read', summary: 'alerts that fire' },
      async handle(call) {
        call.res.json((await chosen(call)).map(toAlertJson));
      },
    },
    {
      ...{ method: 'GET', path: '/alerts/groups', needs: 'read', summary: 'the same in groups' },
      async handle(call) {
        call.res.json(groupsOf(await chosen(call)));
      },
    },
    {
      ...{ method: 'POST', path: '/alerts', needs: 'write', summary: 'take alerts of others' },
      body: postedAlerts,
      async handle(call) {
        const { tenantId, hostId } = principalOf(call);
        if (hostId !== undefined) {
          throw new GaugewayError('FORBIDDEN', 'A key of one host posts no alerts');
        }
        const alerts = bodyOf(call.req, postedAlerts).map((alert) => ({
          ...{ labels: alert.labels, annotations: alert.annotations ?? {} },
          ...{ startsAtMs: msOf(alert.startsAt), endsAtMs: msOf(alert.endsAt) },
          generatorUrl: alert.generatorURL ?? undefined,
        }));
        await alertmanager.post(tenantId, alerts);
        call.res.status(200).end();
      },
    },
  ];
}

function silenceEndpoints({ silences, clock }: AlertmanagerDeps): Endpoint[] {
  return [
    {
      ...{ method: 'GET', path: '/silences', needs: 'read', summary: 'silences' },
      async handle(call) {
        const matches = compileMatchers(matchersOf(await argumentsOf(call.req)));
        const known = await silences.list(principalOf(call).tenantId);
        const chosen = known
          .filter(({ matchers }) => matches(new Map(matchers.map((m) => [m.name, m.value]))))
          .map((silence) => toSilenceJson(silence, silences.stateOf(silence)));
        const order = ['active', 'pending', 'expired'];
        const rank = (one: (typeof chosen)[number]) => order.indexOf(one.status.state);
        call.res.json(chosen.sort((a, b) => rank(a) - rank(b)));
      },
    },
    {
      ...{ method: 'POST', path: '/silences', needs: 'operate', summary: 'make or change one' },
      body: postedSilence,
      async handle(call) {
        const body = bodyOf(call.req, postedSilence);
        const by = actorOf(call);
        const claimed = body.createdBy;
        const wish = {
          ...{ kind: 'silence' as const, matchers: body.matchers, comment: body.comment },
          startsAtMs: msOf(body.startsAt) ?? clock.nowMs(),
          endsAtMs: msOf(body.endsAt) ?? 0,
          // Any name can be sent; whose credential it was stands beside it.
          createdBy: claimed === '' || claimed === by.name ? by.name : `${claimed} (${by.name})`,
        };
        const silence = body.id
          ? await found('silence', silences.change(by.tenantId, body.id, wish, by))
          : await silences.add(by.tenantId, wish, by);
        call.res.json({ silenceID: silence.id });
      },
    },
    {
      ...{ method: 'GET', path: '/silence/:id', needs: 'read', summary: 'one silence' },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const silence = await found('silence', silences.get(tenantId, paramOf(call.req, 'id')));
        call.res.json(toSilenceJson(silence, silences.stateOf(silence)));
      },
    },
    {
      ...{ method: 'DELETE', path: '/silence/:id', needs: 'operate', summary: 'end a silence' },
      async handle(call) {
        const by = actorOf(call);
        await found('silence', silences.expire(by.tenantId, paramOf(call.req, 'id'), by));
        call.res.status(200).end();
      },
    },
  ];
}
