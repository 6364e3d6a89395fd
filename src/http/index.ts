/**
 * takes: requests.
 * gives: each to the room that answers it, with who asks; every status and every error shape.
 * never: knows SQL or storage; decides what a room decides.
 * see:   docs/adr/0004-remote-write-versions-and-answers.md
 */
export type { Can } from './middleware/guard.ts';
export { createReadCache, type ReadCache } from './read-cache.ts';
export type { OpenApiDocument, Operation } from './openapi.ts';
export type { Call, Route } from './route.ts';
export { accessRoutes, type AccessRouteDeps } from './routes/access.ts';
export { acknowledgeLinkRoutes } from './routes/acknowledge-link.ts';
export { agentRoutes, ownConfigRoute } from './routes/agents.ts';
export { alertEventRoutes } from './routes/alert-events.ts';
export { alertQuestionRoutes } from './routes/alert-questions.ts';
export { alertRuleRoutes } from './routes/alert-rules.ts';
export { alertmanagerRoutes } from './routes/alertmanager.ts';
export { toEventJson } from './routes/alert-event-json.ts';
export { toHostJson } from './routes/host-json.ts';
export { channelRoutes } from './routes/channels.ts';
export { deliveryRoutes } from './routes/deliveries.ts';
export { docsRoutes } from './routes/docs.ts';
export { enrolmentRoutes } from './routes/enrolment.ts';
export { healthRoutes, type Check } from './routes/health.ts';
export { exportRoutes, type ExportRouteDeps } from './routes/exports.ts';
export { hostImportRoutes } from './routes/host-import.ts';
export { hostRoutes, type HostRouteDeps } from './routes/hosts.ts';
export {
  ingestRoutes,
  type HeartbeatAnswer,
  type HeartbeatOutcome,
  type IngestRouteDeps,
} from './routes/ingest.ts';
export { installRoutes } from './routes/install.ts';
export { metricRoutes } from './routes/metrics.ts';
export type { ResetMail } from './routes/password-reset.ts';
export { processRoutes } from './routes/processes.ts';
export { prometheusRoutes, type PrometheusViews } from './routes/prometheus.ts';
export { reportRoutes, type ReportRouteDeps } from './routes/reports.ts';
export { tenantLifeRoutes } from './routes/tenant-life.ts';
export { silenceRoutes } from './routes/silences.ts';
export { createHttpServer, type HttpServer, type HttpServerDeps } from './server.ts';
export { createWriteHandler, type RawHandler } from './write/handler.ts';
