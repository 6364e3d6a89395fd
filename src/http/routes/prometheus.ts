import { hostname } from 'node:os';
import type { Response } from 'express';
import { GaugewayError } from '../../platform/index.ts';
import type { Query, QueryErrorType, QueryOutcome } from '../../query/index.ts';
import { argumentsOf } from '../prometheus-arguments.ts';
import type { Call, Route, RouteSpec } from '../route.ts';
import { prometheusAnswer, textAnswer } from '../schemas/foreign.ts';

/** Ports to rooms that have their own say about alerts and hosts; each answers for one tenant only. */
export interface PrometheusViews {
  /** Rule groups in Prometheus's shape, as `data` has them. */
  ruleGroups: (
    tenantId: string,
    args: URLSearchParams,
  ) => Promise<{ groups: readonly object[]; groupNextToken?: string }>;
  /** Active alerts in Prometheus's shape. */
  alerts: (tenantId: string) => Promise<readonly object[]>;
  /** The tenant's hosts as active targets in Prometheus's shape. */
  targets: (tenantId: string) => Promise<readonly object[]>;
}

export interface PrometheusDeps {
  query: Query;
  views: PrometheusViews;
  /** Of this product, as in package.json. */
  version: string;
  /** When this process began, milliseconds since the epoch. */
  startedMs: number;
  retentionMs: (tenantId: string) => number;
}

type Answer = (call: Call, tenantId: string) => Promise<void>;

const statusOf: Readonly<Record<QueryErrorType, number>> = {
  bad_data: 400,
  execution: 422,
  timeout: 503,
  canceled: 503,
  unavailable: 503,
  internal: 500,
};

/** Both places where clients look for Prometheus's API. */
const prefixes = ['', '/prometheus'];

/** Prometheus's HTTP API, default deny: what is not in this list is a 404. */
export function prometheusRoutes(deps: PrometheusDeps): Route[] {
  return [...questions(deps.query), ...states(deps)].flatMap(toRoutes);
}

/** What the query room answers. */
function questions(query: Query): Endpoint[] {
  const asked =
    (ask: (tenantId: string, args: URLSearchParams) => Promise<QueryOutcome>): Answer =>
    async ({ req, res }, tenantId) =>
      send(res, await ask(tenantId, await argumentsOf(req)));
  const format = asked((_tenant, args) => query.formatQuery(args));
  const parse = asked((_tenant, args) => query.parseQuery(args));
  const values: Answer = async ({ req, res }, tenantId) =>
    send(
      res,
      await query.labelValues(tenantId, String(req.params['name']), await argumentsOf(req)),
    );
  const federate: Answer = async ({ req, res }, tenantId) =>
    sendExposition(res, await query.federate(tenantId, await argumentsOf(req)));
  const tsdb = get('/api/v1/status/tsdb', 'cardinality of the tenant', asked(query.tsdb));
  return [
    both('/api/v1/query', 'instant query', asked(query.instant)),
    both('/api/v1/query_range', 'range query', asked(query.range)),
    both('/api/v1/query_exemplars', 'exemplars of an expression', asked(query.exemplars)),
    both('/api/v1/labels', 'label names', asked(query.labelNames)),
    both('/api/v1/series', 'series by selector', asked(query.series)),
    both('/api/v1/format_query', 'an expression, laid out', format),
    both('/api/v1/parse_query', 'an expression as a tree', parse),
    get('/api/v1/label/:name/values', 'values of a label', values),
    get('/api/v1/metadata', 'type, help and unit of metrics', asked(query.metadata)),
    get('/federate', 'newest samples as exposition text', federate),
    { ...tsdb, needs: 'admin' },
  ];
}

/** What other rooms and this process know by themselves. */
function states(deps: PrometheusDeps): Endpoint[] {
  const { views } = deps;
  const said =
    (data: (tenantId: string, args: URLSearchParams) => object | Promise<object>): Answer =>
    async ({ req, res }, tenantId) =>
      sendJson(res, { status: 'success', data: await data(tenantId, await argumentsOf(req)) });
  const rules = said(views.ruleGroups);
  const alerts = said(async (tenantId) => ({ alerts: await views.alerts(tenantId) }));
  const alertmanagers = said(() => ({ activeAlertmanagers: [], droppedAlertmanagers: [] }));
  const targets = said(async (tenantId) => ({
    activeTargets: await views.targets(tenantId),
    droppedTargets: [],
    droppedTargetCounts: {},
  }));
  return [
    get('/api/v1/rules', 'rule groups', rules),
    get('/api/v1/alerts', 'active alerts', alerts),
    get('/api/v1/alertmanagers', 'Alertmanagers in use', alertmanagers),
    get('/api/v1/targets', 'hosts as targets', targets),
    get('/api/v1/status/buildinfo', 'version', said(buildInfo(deps))),
    get('/api/v1/status/runtimeinfo', 'state of this process', said(runtimeInfo(deps))),
  ];
}

interface Endpoint {
  methods: readonly ('GET' | 'POST')[];
  path: string;
  summary: string;
  needs: 'read' | 'admin';
  answer: Answer;
}

function get(path: string, summary: string, answer: Answer): Endpoint {
  return { methods: ['GET'], path, summary, needs: 'read', answer };
}

function both(path: string, summary: string, answer: Answer): Endpoint {
  return { methods: ['GET', 'POST'], path, summary, needs: 'read', answer };
}

function toRoutes({ methods, path, summary, needs, answer }: Endpoint): Route[] {
  return prefixes.flatMap((prefix) =>
    (['GET', 'POST'] as const).map((method): Route => {
      const allowed = methods.includes(method);
      return {
        method,
        // A form instead of a long URL is a question all the same.
        budget: 'read',
        path: prefix + path,
        needs,
        errors: 'prometheus',
        spec: specOf(path, allowed),
        summary: `Prometheus: ${allowed ? summary : 'not with this method (405)'}`,
        handle: async (call) => {
          // Refused here as well as in front: no principal, no tenant, no question.
          if (!call.principal) throw new GaugewayError('UNAUTHORIZED', 'authentication required');
          if (allowed) await answer(call, call.principal.tenantId);
          else refuseMethod(call.res, methods);
        },
      };
    }),
  );
}

function specOf(path: string, isAllowed: boolean): RouteSpec {
  const refused = textAnswer('text/plain', 'Not with this method.');
  const samples = textAnswer('text/plain', 'Exposition format.');
  const answer = path === '/federate' ? samples : prometheusAnswer;
  const isOverTime = path === '/api/v1/query' || path === '/api/v1/query_range';
  return {
    tag: 'Prometheus API',
    answers: isAllowed ? { 200: answer } : { 405: refused },
    ...(isOverTime ? { says: ['X-Gaugeway-Resolution'] } : {}),
  };
}

/** Grafana posts first and repeats as GET on a 405; a 404 it would take for a server without the endpoint. */
function refuseMethod(res: Response, methods: readonly string[]): void {
  res.status(405).setHeader('allow', methods.join(', '));
  res.setHeader('content-type', 'text/plain; charset=utf-8');
  res.end('Method Not Allowed\n');
}

function send(res: Response, outcome: QueryOutcome): void {
  if (outcome.ok) {
    res.status(200).setHeader('content-type', 'application/json');
    const { resolution } = outcome;
    if (resolution) res.setHeader('x-gaugeway-resolution', [...new Set(resolution)].join(', '));
    res.end(outcome.body);
    return;
  }
  if (outcome.type === 'unavailable') res.setHeader('retry-after', '1');
  res.status(statusOf[outcome.type]);
  sendJson(res, { status: 'error', errorType: outcome.type, error: outcome.message });
}

function sendJson(res: Response, answer: unknown): void {
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify(answer));
}

function sendExposition(res: Response, outcome: QueryOutcome): void {
  if (!outcome.ok) {
    send(res, outcome);
    return;
  }
  res.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
  res.end(outcome.body);
}

/**
 * Grafana takes features from the version, so it has to be one of Prometheus's. There is no `features` key: Grafana
 * takes that for Mimir (field/ingest-and-query §7.1).
 */
const prometheusVersion = '2.45.0';

function buildInfo({ version }: PrometheusDeps): () => object {
  return () => ({
    version: prometheusVersion,
    revision: version,
    branch: 'HEAD',
    buildUser: 'gaugeway',
    buildDate: '',
    goVersion: '',
    application: `gaugeway ${version}`,
  });
}

function runtimeInfo({ startedMs, retentionMs }: PrometheusDeps): (tenantId: string) => object {
  return (tenantId) => ({
    startTime: new Date(startedMs).toISOString(),
    CWD: '/',
    reloadConfigSuccess: true,
    lastConfigTime: new Date(startedMs).toISOString(),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: 1,
    GOGC: '',
    GODEBUG: '',
    hostname: hostname(),
    serverTime: new Date().toISOString(),
    storageRetention: `${Math.round(retentionMs(tenantId) / 86_400_000)}d`,
  });
}
