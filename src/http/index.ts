/**
 * takes: requests.
 * gives: each to the room that answers it, with who asks; every status and every error shape.
 * never: knows SQL or storage; decides what a room decides.
 * see:   docs/adr/0004-remote-write-versions-and-answers.md
 */
export type { Can } from './middleware/guard.ts';
export type { Call, Route } from './route.ts';
export { healthRoutes, type Check } from './routes/health.ts';
export { ingestRoutes, type HeartbeatAnswer, type IngestRouteDeps } from './routes/ingest.ts';
export { prometheusRoutes, type PrometheusViews } from './routes/prometheus.ts';
export { createHttpServer, type HttpServer } from './server.ts';
export { createWriteHandler, type RawHandler } from './write/handler.ts';
