import {
  alertsView,
  createAlertmanager,
  createAsk,
  createExplain,
  createIncidents,
  createRuleBook,
  createSilences,
  ruleGroupsView,
  type FileRules,
  type Incidents,
} from '../alert-desk/index.ts';
import {
  alertEventRoutes,
  alertmanagerRoutes,
  alertQuestionRoutes,
  alertRuleRoutes,
  silenceRoutes,
  type PrometheusViews,
  type ReadCache,
  type Route,
} from '../http/index.ts';
import { silentLogger, systemClock } from '../platform/index.ts';
import type { Query } from '../query/index.ts';
import { createRuleSets } from '../ruler/index.ts';
import {
  createEvaluationStore,
  createIncidentStore,
  createReceivedAlertStore,
  createRuleStore,
  createSilenceStore,
  type Postgres,
} from '../storage/postgres/index.ts';
import type { Foundation } from './compose.ts';

/** How often this process looks at the rule files; the rulers look themselves. */
const lookMs = 2_000;
const firstTenant = 'default';

export interface AlertsApi {
  routes: readonly Route[];
  incidents: Incidents;
  views: Pick<PrometheusViews, 'ruleGroups' | 'alerts'>;
}

/** What people and programs see of rules and alerts, and say about them. */
export async function alertsApi(
  foundation: Foundation,
  postgres: Postgres,
  { query, cache }: { query: Query; cache: ReadCache },
): Promise<AlertsApi> {
  const { knex } = postgres;
  const clock = systemClock;
  const files = await fileRules(foundation);
  const store = createRuleStore(knex);
  const evaluations = createEvaluationStore(knex);
  const incidents = createIncidentStore(knex);
  const silences = createSilenceStore(knex);
  const received = createReceivedAlertStore(knex);
  const ask = createAsk(query);
  const externalUrl = foundation.loaded.config.publicUrl ?? '';
  const rules = createRuleBook({ store, evaluations, files, clock });
  const desk = {
    ...{ rules, clock, externalUrl },
    incidents: createIncidents({ store: incidents, clock }),
    silences: createSilences({ store: silences, clock }),
    explain: createExplain({ ask, evaluations, incidents, silences, clock }),
    preview: { ask, externalLabels: new Map<string, string>(), externalUrl },
    alertmanager: createAlertmanager({ incidents, received, silences, clock }),
  };
  return {
    incidents: desk.incidents,
    routes: [
      ...alertRuleRoutes(desk),
      ...alertQuestionRoutes(desk),
      ...alertEventRoutes({ ...desk, cache }),
      ...silenceRoutes(desk),
      ...alertmanagerRoutes({ ...desk, version: foundation.version, startedMs: clock.nowMs() }),
    ],
    views: {
      ruleGroups: (tenantId, args) => ruleGroupsView({ store, evaluations, files }, tenantId, args),
      alerts: (tenantId) => alertsView(evaluations, tenantId),
    },
  };
}

/** The rule files as this process sees them: the role `api` may run where no ruler does. */
async function fileRules({ loaded, lifecycle, log, roles }: Foundation): Promise<FileRules> {
  const { alerts: config, rulesDir } = loaded.config;
  const sets = createRuleSets({
    ...{ folder: rulesDir, firstTenant, withDisabled: true },
    // A ruler in this process says the same.
    log: roles.has('ruler') ? silentLogger : log.child('alert-desk'),
    defaults: { intervalMs: config.interval, queryOffsetMs: config.queryOffset },
    apiRules: () => Promise.resolve([]),
    clock: systemClock,
  });
  await sets.reload();
  const timer = setInterval(() => void sets.reload(), lookMs).unref();
  lifecycle.onStop('rule files', () => {
    clearInterval(timer);
    return Promise.resolve();
  });
  const isOf = (tenantId: string, path: string): boolean => {
    const [, owner = firstTenant] = /[\\/]tenants[\\/]([^\\/]+)[\\/][^\\/]+$/.exec(path) ?? [];
    return owner === tenantId;
  };
  return {
    groups: (tenantId) => sets.all().filter((set) => set.tenantId === tenantId),
    problems: (tenantId) => sets.problems().filter(({ file }) => isOf(tenantId, file)),
  };
}
