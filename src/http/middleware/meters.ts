import { createMiddleware, defaultRegister, signalIsUp } from '@promster/express';
import type { Express, Request, RequestHandler } from 'express';
import type { Meters } from '../../platform/index.ts';

const requestsTotal = 'api_requests_total';
const latencySeconds = 'api_latency_seconds';
const ownNames = [requestsTotal, latencySeconds, 'nodejs_up'];

/** The route's pattern, so that nobody can make series by asking for paths that are not there. */
function endpointOf(req: Request): string {
  const route = req.route as { path?: unknown } | undefined;
  return typeof route?.path === 'string' ? route.path : 'unmatched';
}

/** Counts and times requests under the PRP's names (§14.1), by endpoint and status. */
export function apiMeters(app: Express, meters: Meters): RequestHandler {
  // promster keeps its metrics in prom-client's global registry; a second server in the process starts afresh.
  for (const name of ownNames) defaultRegister.removeSingleMetric(name);
  const middleware = createMiddleware({
    app,
    options: {
      labels: ['endpoint', 'status'],
      getLabelValues: (req: Request, res: { statusCode: number }) => ({
        endpoint: endpointOf(req),
        status: String(res.statusCode),
      }),
      normalizePath: (_path: string, { req }: { req: Request }) => endpointOf(req),
      metricNames: {
        httpRequestsTotal: [requestsTotal],
        httpRequestDurationInSeconds: [latencySeconds],
      },
      metricBuckets: {
        httpRequestDurationInSeconds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10],
      },
      detectKubernetes: false,
    },
  } as unknown as Parameters<typeof createMiddleware>[0]) as unknown as RequestHandler;
  for (const name of [requestsTotal, latencySeconds]) {
    const metric = defaultRegister.getSingleMetric(name);
    if (metric) meters.registry.registerMetric(metric);
  }
  signalIsUp();
  return middleware;
}
