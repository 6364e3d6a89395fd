/**
 * takes: the rooms whose questions can be asked over HTTP.
 * gives: the server; every endpoint is a row of `Route` with what it needs and how it fails.
 * never: decides what a room decides; answers without asking `access`; reads a tenant from anything but a credential.
 * see:   docs/adr/0004-remote-write-versions-and-answers.md
 */
export type { Call, Route } from './route.ts';
export {
  createHttpServer,
  defaultHttpLimits,
  type HttpLimits,
  type HttpServer,
  type RawHandler,
} from './server.ts';
export { auditRoutes } from './routes/audit.ts';
export { authRoutes } from './routes/auth.ts';
export { healthRoutes, type ReadyCheck } from './routes/health.ts';
export { hostRoutes, type AgentConfig } from './routes/hosts.ts';
export { keyRoutes } from './routes/keys.ts';
export { tenantRoutes } from './routes/tenants.ts';
export { userRoutes } from './routes/users.ts';
