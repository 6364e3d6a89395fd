import { createMiddleware, defaultRegister } from '@promster/express';
import type { RequestHandler } from 'express';
import type { Meters } from '../../platform/index.ts';

/** The PRP's names (§14.1) for promster's two metrics. */
const names = {
  httpRequestsTotal: 'api_requests_total',
  httpRequestDurationInSeconds: 'api_latency_seconds',
};

/** PRP §13 asks for 200 ms, 500 ms and 1 s at its percentiles. */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30];

/** The route's pattern, so that nobody can make series by asking for paths that are not there. */
function endpointOf(request: unknown): string {
  const { route } = request as { route?: { path?: unknown } };
  return typeof route?.path === 'string' ? route.path : 'unmatched';
}

/**
 * Counts and times what Express answers, by endpoint and status; the write path has meters of its own. promster keeps
 * its recorder in the module: of two servers in one process, the later one's meters count for both.
 */
export function apiMeters(meters: Meters): RequestHandler {
  // It also knows only prom-client's global registry, and fills that with metrics of the process, which ours has.
  defaultRegister.clear();
  const middleware = createMiddleware({
    options: {
      labels: ['endpoint', 'status'],
      getLabelValues: (request, response) => ({
        endpoint: endpointOf(request),
        status: String((response as { statusCode: number }).statusCode),
      }),
      normalizePath: (_path, { req }) => endpointOf(req),
      metricNames: names,
      metricBuckets: { httpRequestDurationInSeconds: secondsBuckets },
      detectKubernetes: false,
    },
  });
  for (const name of Object.values(names)) {
    const metric = defaultRegister.getSingleMetric(name);
    if (metric) meters.registry.registerMetric(metric);
  }
  defaultRegister.clear();
  return middleware as RequestHandler;
}
